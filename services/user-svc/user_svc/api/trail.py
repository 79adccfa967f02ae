"""The trail of security-relevant acts, for operators."""

from common.web import Routes
from common.web.client import client_address

from user_svc.usecases import trail as usecases

blp = Routes(
    "trail", __name__, url_prefix="/api/v1", description="Security-relevant acts, in a chain that shows changes"
)


@blp.before_app_request
def _whence() -> None:
    """What this request does is noted with the network that it came from."""
    usecases.network.set(usecases.network_of(client_address()))
