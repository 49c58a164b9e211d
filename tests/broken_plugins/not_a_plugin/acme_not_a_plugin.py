from venvoy_api import ConfigDef, SourceConnector, SourceTask


class BadTask(SourceTask):
    def start(self, props):
        pass

    def poll(self):
        return None

    def drained(self):
        return True

    def stop(self):
        pass


class BadConnector:
    def config(self):
        return ConfigDef()

    def start(self, props):
        pass

    def task_class(self):
        return BadTask

    def task_configs(self, max_tasks):
        return [{}]

    def stop(self):
        pass
