"""`python -m user_svc.newkey`: a fresh pair of keys for access tokens, and how it takes the place of the old one.

It changes nothing: the three steps are the environment's, and between them stands a release.
"""

import base64
import secrets
import sys

from common.web.access import key_id

from user_svc.settings import public_key

STEPS = """\
JWT_PRIVATE_KEY {private}
JWT_PUBLIC_KEY  {public}    kid {kid}

1. Every service: JWT_PUBLIC_KEY=<the present one>,{public}
   Release, until every process has started anew. Tokens are still signed with the old key.
2. user-svc: JWT_PRIVATE_KEY as above. Release. New tokens are signed with the new key, old ones are good until they expire.
3. ACCESS_TOKEN_SECONDS later (a quarter of an hour, unless you have changed it), every service: JWT_PUBLIC_KEY={public}
   Release. What the old key has signed is refused from here on.

If the old key is known to others, do not wait in step 3.
"""


def main() -> None:
    private = base64.b64encode(secrets.token_bytes(32)).decode()  # RFC 8032: any 32 random bytes are a seed
    public = public_key(private)
    sys.stdout.write(STEPS.format(private=private, public=public, kid=key_id(public)))


if __name__ == "__main__":
    main()
