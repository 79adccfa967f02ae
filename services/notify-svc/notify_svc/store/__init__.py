"""notify-svc's database: the only package here that knows MongoDB."""

from notify_svc.store.mongo import check_url, is_transient
from notify_svc.store.store import Keep, MongoStore, MongoTx

__all__ = ["Keep", "MongoStore", "MongoTx", "check_url", "is_transient"]
