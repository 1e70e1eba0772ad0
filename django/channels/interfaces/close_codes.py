"""Why a WebSocket ends, in numbers (RFC 6455 section 7.4)."""

NORMAL = 1000
GOING_AWAY = 1001
INVALID_DATA = 1007
POLICY_VIOLATION = 1008
MESSAGE_TOO_BIG = 1009
INTERNAL_ERROR = 1011
TRY_AGAIN_LATER = 1013
NO_CODE = 1005
ABNORMAL = 1006


def is_close_code(code):
    """
    Tell whether a consumer may close with this code: RFC 6455 section 7.4,
    and those registered since that a server sends.
    """
    if type(code) is not int:
        return False
    return (
        3000 <= code <= 4999 or 1000 <= code <= 1014 and code not in (1004, 1005, 1006)
    )
