"""WeChat Pay APIv3, as a merchant without intermediaries sees it (直连商户).

identity  who is who, and the keys
signing   signatures over what is on the wire; encryption
fields    what a body must look like
call      a request
orders    create, query, close
refunds   refund, its query, what is done about an abnormal one
notices   callbacks
bill      a day's bill
api       the routes, and how they answer
"""

from payment_sandbox.wechat.api import WeChat

__all__ = ["WeChat"]
