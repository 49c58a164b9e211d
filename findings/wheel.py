"""Writes a small wheel.

wheel.py DIRECTORY NAME VERSION TAG [FILE=TEXT]… ["METADATA: TEXT"]…

A file below `@/` is put into the `.dist-info`; an argument with a colon is a line of METADATA.
"""

import base64
import hashlib
import sys
import zipfile

directory, name, version, tag, *more = sys.argv[1:]
info = f"{name}-{version}.dist-info"
lines = [each for each in more if "=" not in each.partition(": ")[0]]
files = dict(each.split("=", 1) for each in more if each not in lines)
files = {path.replace("@/", f"{info}/"): text.replace("\\n", "\n") for path, text in files.items()}
files.setdefault(f"{name}.py", "")
head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines]
files[f"{info}/METADATA"] = "\n".join(head) + "\n"
files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n"
record = ""
for path, text in files.items():
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    record += f"{path},sha256={digest},{len(text.encode())}\n"
files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
with zipfile.ZipFile(f"{directory}/{name}-{version}-{tag}.whl", "w") as archive:
    for path, text in files.items():
        archive.writestr(path, text)
