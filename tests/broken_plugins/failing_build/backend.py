def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    raise RuntimeError("the header acme.h is missing")
