"""OAuth 2.0 between nodes: a signed assertion in, a short-lived access token out.

authlib's authorisation server runs the grant; proof of the assertion is ours, because it must
refuse what a general library lets pass: another algorithm, a key in a header, another spelling.

Source: protocol, 4; wire format, 6; RFC 6749, 4.4; RFC 7523; RFC 9068.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    ClientMixin,
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from federation.identity.keys import (
    PrivateKey,
    SignatureError,
    Typ,
    b64,
    key_id,
    split,
    unb64,
    verify,
)
from federation.identity.keystore import KeyRing
from federation.identity.node import Node
from federation.partners.partner_keys import ChannelKeys, find_transport_key, may_hold_token
from federation.partners.partner_records import UsedAssertionRecord
from federation.partners.partners import record_contact
from policies.errors import InvalidError, UnverifiedError
from sharing.canonical import canonical, read_json

logger = logging.getLogger(__name__)

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFE: Final = timedelta(seconds=60)
TOKEN_LIFE: Final = timedelta(minutes=10)
CLOCK_SKEW: Final = timedelta(seconds=60)
"""How far a partner's clock may be off ours before its assertions are refused."""
JTI_BYTES: Final = 16
MAX_TOKEN_CHARACTERS: Final = 4096

_CLAIMS_LIMIT_BYTES: Final = 4096
_AUTH_METHOD: Final = "private_key_jwt"
_GRANT_TYPE: Final = "client_credentials"
_ASSERTION_CLAIMS: Final = frozenset({"iss", "sub", "aud", "iat", "exp", "jti"})
_TOKEN_CLAIMS: Final = frozenset({"iss", "aud", "sub", "client_id", "iat", "exp", "jti"})
_UNKNOWN_KEY: Final = "no transport key in use of this organisation is known here by this id"


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What the token path answers, as RFC 6749 words it."""

    status: int
    body: Mapping[str, Any]
    headers: tuple[tuple[str, str], ...]


def build_assertion(
    key: PrivateKey, *, organisation: str, audience: str, now: datetime, jti: bytes | None = None
) -> str:
    """Sign an assertion: we are this organisation, and mean this node alone.

    Args:
        key: our transport key.
        organisation: our STIX id.
        audience: the base URL of the node that is asked.
        now: the time.
        jti: 128 random bits; made here unless given.
    """
    issued = int(now.timestamp())
    claims = {
        "iss": organisation,
        "sub": organisation,
        "aud": audience,
        "iat": issued,
        "exp": issued + int(ASSERTION_LIFE.total_seconds()),
        "jti": b64(jti or secrets.token_bytes(JTI_BYTES)),
    }
    return key.sign(canonical(claims), Typ.ASSERTION)


def build_access_token(
    key: PrivateKey, *, base_url: str, organisation: str, now: datetime, jti: bytes | None = None
) -> str:
    """Sign an access token that binds an organisation to this node for ten minutes."""
    issued = int(now.timestamp())
    claims = {
        "iss": base_url,
        "aud": base_url,
        "sub": organisation,
        "client_id": organisation,
        "iat": issued,
        "exp": issued + int(TOKEN_LIFE.total_seconds()),
        "jti": b64(jti or secrets.token_bytes(JTI_BYTES)),
    }
    return key.sign(canonical(claims), Typ.ACCESS_TOKEN)


def grant_token(
    session: Session,
    node: Node,
    ring: KeyRing,
    form: Iterable[tuple[str, str]],
    *,
    channel_keys: ChannelKeys,
    now: datetime,
) -> TokenAnswer:
    """Answer a request for a token; refusals are answers too, in the words of RFC 6749.

    Args:
        session: the caller's transaction; a granted assertion is remembered in it.
        node: ourselves.
        ring: our private keys.
        form: names and values as they came, each name at most once.
        channel_keys: finds the key of an organisation that only shares a channel with us.
        now: the time.
    """
    server = _Server(session, node, ring, channel_keys, now)
    answer: TokenAnswer = server.create_token_response(_Request(list(form)))
    if answer.status != HTTPStatus.OK:
        reason = answer.body.get("error_description") or answer.body.get("error")
        logger.info("token refused", extra={"reason": reason})
    return answer


def verify_access_token(session: Session, token: str, *, node: Node, now: datetime) -> str:
    """Prove one of our access tokens; give the organisation that it is bound to.

    Raises:
        UnverifiedError: it isn't ours, isn't valid any more, or the partnership was stopped.
    """
    try:
        claims = _claims_of_own_token(token, node)
    except (SignatureError, InvalidError):
        raise UnverifiedError("this is not an access token of this node") from None
    organisation, issued, expires = claims["sub"], claims["iat"], claims["exp"]
    if not isinstance(organisation, str) or not _is_time(issued) or not _is_time(expires):
        raise UnverifiedError("this is not an access token of this node")
    if claims["iss"] != node.base_url or claims["aud"] != node.base_url:
        raise UnverifiedError("this access token was issued for another address")
    if now.timestamp() >= expires:
        raise UnverifiedError("this access token has expired", hint="Ask for a new one.")
    decision = may_hold_token(session, organisation, datetime.fromtimestamp(issued, UTC))
    if not decision:
        raise UnverifiedError(decision.reason)
    return organisation


def _claims_of_own_token(token: str, node: Node) -> dict[str, Any]:
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise SignatureError("malformed", "too long")
    key = node.find_token_key(key_id(token))
    if key is None:
        raise SignatureError("bad_signature", "not a key of ours")
    return _read_claims(verify(token, key, Typ.ACCESS_TOKEN), _TOKEN_CLAIMS)


def _read_claims(payload: bytes, names: frozenset[str]) -> dict[str, Any]:
    claims = read_json(payload, limit_bytes=_CLAIMS_LIMIT_BYTES, field="claims")
    if not isinstance(claims, dict) or set(claims) != names:
        raise InvalidError(f"the claims are not exactly {', '.join(sorted(names))}")
    return claims


def _is_time(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


class _Client(ClientMixin):  # type: ignore[misc]
    """An organisation that has proven itself, as authlib wants to see a client."""

    def __init__(self, organisation: str) -> None:
        self.organisation = organisation

    def get_client_id(self) -> str:
        return self.organisation

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == _AUTH_METHOD and endpoint == "token"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == _GRANT_TYPE


class _Request(OAuth2Request):  # type: ignore[misc]
    """The form that was posted, each name once."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        # authlib wants to see TLS; whether the transport is safe is decided by the base URL.
        super().__init__("POST", "https://node.invalid/federation/token/")
        self.repeated = len({name for name, _ in pairs}) != len(pairs)
        self.payload = BasicOAuth2Payload(dict(pairs))

    @property
    def form(self) -> Mapping[str, str]:
        form: Mapping[str, str] = self.payload.data
        return form


class _Grant(ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = (_AUTH_METHOD,)

    def validate_token_request(self) -> None:
        if self.request.repeated:
            raise InvalidRequestError(description="A parameter was given twice.")
        if self.request.payload.scope:
            # The channel's audience decides what may be read; no scope could widen or narrow it.
            raise InvalidScopeError(description="There are no scopes between nodes.")
        super().validate_token_request()


class _Server(AuthorizationServer):  # type: ignore[misc]
    """One request for a token, inside one transaction."""

    def __init__(
        self,
        session: Session,
        node: Node,
        ring: KeyRing,
        channel_keys: ChannelKeys,
        now: datetime,
    ) -> None:
        super().__init__()
        self._session = session
        self._node = node
        self._ring = ring
        self._channel_keys = channel_keys
        self._now = now
        self.register_grant(_Grant)
        self.register_token_generator("default", self._generate_token)
        self.register_client_auth_method(_AUTH_METHOD, self._authenticate)

    def query_client(self, client_id: str) -> None:
        """Find nobody by name: a client is known by its assertion alone."""

    def save_token(self, token: Mapping[str, Any], request: _Request) -> None:
        """Keep nothing: the token carries its own proof."""

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Tell nobody."""

    def create_oauth2_request(self, request: _Request) -> _Request:
        return request

    def handle_response(
        self, status: int, body: Any, headers: Iterable[tuple[str, str]]
    ) -> TokenAnswer:
        return TokenAnswer(status, dict(body), tuple(headers))

    def _generate_token(self, *, client: _Client, **_: object) -> dict[str, Any]:
        token = build_access_token(
            self._node.transport_key(self._ring),
            base_url=self._node.base_url,
            organisation=client.organisation,
            now=self._now,
        )
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": int(TOKEN_LIFE.total_seconds()),
        }

    def _authenticate(self, _query: object, request: _Request) -> _Client:
        form = request.form
        assertion = form.get("client_assertion", "")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise _refusal("client_assertion_type is missing or another one")
        if not 0 < len(assertion) <= MAX_TOKEN_CHARACTERS:
            raise _refusal("client_assertion is missing or too long")
        try:
            organisation = self._prove(assertion)
        except (SignatureError, InvalidError):
            raise _refusal("the assertion is malformed or its signature does not hold") from None
        if form.get("client_id", organisation) != organisation:
            raise _refusal("client_id names another organisation")
        record_contact(self._session, organisation, now=self._now)
        return _Client(organisation)

    def _prove(self, assertion: str) -> str:
        # 1. The key is one that the organisation itself has described for transport.
        kid = key_id(assertion)
        claimed = _read_claims(unb64(split(assertion)[1]), _ASSERTION_CLAIMS)
        organisation = claimed["iss"]
        if not isinstance(organisation, str) or claimed["sub"] != organisation:
            raise _refusal("iss and sub are not one organisation")
        key = find_transport_key(self._session, organisation, kid, channel_keys=self._channel_keys)
        if key is None:
            raise _refusal(_UNKNOWN_KEY)
        # 2. That key signed exactly this.
        claims = _read_claims(verify(assertion, key, Typ.ASSERTION), _ASSERTION_CLAIMS)
        # 3. It was meant for us and no other.
        if claims["aud"] != self._node.base_url:
            raise _refusal(f"aud is not {self._node.base_url}")
        # 4. It is fresh.
        self._check_times(claims)
        # 5. It was not used before.
        self._use_once(organisation, claims)
        return organisation

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        issued, expires = claims["iat"], claims["exp"]
        if not _is_time(issued) or not _is_time(expires):
            raise _refusal("iat and exp are not times")
        if not 0 < expires - issued <= ASSERTION_LIFE.total_seconds():
            raise _refusal("the assertion lives longer than 60 seconds")
        skew = CLOCK_SKEW.total_seconds()
        moment = self._now.timestamp()
        if not issued - skew <= moment < expires + skew:
            seconds = int(abs(moment - issued))
            raise _refusal(f"the assertion was made {seconds} s away from now: compare the clocks")

    def _use_once(self, organisation: str, claims: Mapping[str, Any]) -> None:
        jti = claims["jti"]
        if not isinstance(jti, str) or len(unb64(jti)) != JTI_BYTES:
            raise _refusal("jti is not 128 bits")
        forget_at = datetime.fromtimestamp(claims["exp"], UTC) + CLOCK_SKEW
        used = UsedAssertionRecord
        self._session.execute(
            delete(used).where(used.issuer == organisation, used.forget_at < self._now)
        )
        try:
            with self._session.begin_nested():
                self._session.add(used(issuer=organisation, jti=jti, forget_at=forget_at))
        except IntegrityError:
            raise _refusal("the assertion was used before") from None


def _refusal(reason: str) -> InvalidClientError:
    return InvalidClientError(status_code=HTTPStatus.UNAUTHORIZED, description=reason)
