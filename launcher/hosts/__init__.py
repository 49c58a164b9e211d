"""The processes that run plugin code: started, talked to, listened to, ended."""

__all__: list[str] = []
