"""Reads Alliance Auth's tokens and identifier, with what its tables lack."""

from typing import Any
from uuid import UUID

from django.apps import apps

from headcount.allianceauth.models import InstallSettings, Note, TokenSettings
from headcount.django.host import Token

#: What Alliance Auth 3 ignored, as its migrations say it.
DEFAULT_IGNORED = (r"^\/admin\/.*", r"^\/user_notifications_count\/.*", r"^\/account\/activate\/.*")
#: Of the fixture `disable_analytics`: everybody who loads it has it, so it identifies nobody.
EVERYBODYS = UUID("ab33e241fbf042b6aa77c7655a768af7")

FEEDS = ("send_stats", "send_celery_tasks", "send_page_views")


def aa_tokens() -> Any:
    """Alliance Auth's model of tokens."""
    return apps.get_model("analytics", "AnalyticsTokens")


def has_column(name: str) -> bool:
    """Whether Alliance Auth's table of tokens has this column in the installed version."""
    return any(column.name == name for column in aa_tokens()._meta.get_fields())


def has_all_switches() -> bool:
    """Whether Alliance Auth's own table has all three switches, as it had until 3.8."""
    return has_column("send_page_views")


def settings_of(row: Any) -> TokenSettings:
    """What belongs to a row; where nothing was noted yet, a new one that sends no more than the row says."""
    kept = TokenSettings.objects.filter(pk=row.pk).first()
    return kept or unknown(row)


def unknown(row: Any) -> TokenSettings:
    """The rest of a row that somebody made past the admin page."""
    note = Note.NONE if has_all_switches() else Note.EXISTING
    return TokenSettings(token_id=row.pk, ignore_paths="\n".join(DEFAULT_IGNORED), note=note)


def feeds(row: Any, more: TokenSettings) -> dict[str, bool]:
    """Which feeds leave for a token, by the names of the switches."""
    if more.is_held:
        return dict.fromkeys(FEEDS, False)
    return {name: bool(getattr(more if more.is_headcount or not has_column(name) else row, name)) for name in FEEDS}


def ignored(row: Any, more: TokenSettings) -> tuple[str, ...]:
    """Regular expressions of pages that are not sent to a token."""
    if has_all_switches():
        return tuple(path.ignore_path for path in row.ignore_paths.all())
    return tuple(line.strip() for line in more.ignore_paths.splitlines() if line.strip())


def as_token(row: Any, more: TokenSettings) -> Token:
    """One token, whole."""
    return Token(
        id=row.pk,
        name=row.name,
        type="HEADCOUNT" if more.is_headcount else row.type,
        endpoint=more.endpoint,
        token=row.token,
        secret=getattr(row, "secret", "") or more.secret,
        ignore_paths=ignored(row, more),
        **feeds(row, more),
    )


def all_tokens() -> list[Token]:
    """Every token whose type is known."""
    more = TokenSettings.objects.in_bulk()
    rows = aa_tokens().objects.order_by("pk")
    if has_all_switches():
        rows = rows.prefetch_related("ignore_paths")
    whole = [as_token(row, more.get(row.pk) or unknown(row)) for row in rows]
    return [token for token in whole if token.type in ("GA-U", "GA-V4", "HEADCOUNT")]


def followed_models() -> list[Any]:
    """The models whose rows say what is sent and where: Alliance Auth's, and ours."""
    tokens = aa_tokens()
    found = [tokens, apps.get_model("analytics", "AnalyticsIdentifier"), TokenSettings, InstallSettings]
    if has_all_switches():
        found += [tokens.ignore_paths.through, apps.get_model("analytics", "AnalyticsPath")]
    return found


def loaded(instance: Any, raw: bool = False, using: str = "default", **_: Any) -> None:
    """A row loaded from a file that says no to statistics, such as `disable_analytics`, says no to all."""
    if raw and not instance.send_stats:
        # The fixture of 4.x says so of number 1 and means the token, which an upgrade may have as number 2 as well.
        same = aa_tokens().objects.using(using).filter(token=instance.token).values_list("pk", flat=True)
        off = dict.fromkeys(FEEDS, False)
        TokenSettings.objects.using(using).filter(pk__in=list(same)).update(**off, is_held=True, note=Note.LOADED)


def identifier() -> UUID | None:
    """The install's id in Alliance Auth's table, made if somebody deleted it; None where it is everybody's."""
    model = apps.get_model("analytics", "AnalyticsIdentifier")
    row = model.objects.first()
    if row is None:
        row = model()
        row.save()
    found: UUID = row.identifier
    return None if found == EVERYBODYS else found


def set_identifier(new: UUID) -> None:
    """Keeps a new id in Alliance Auth's table."""
    apps.get_model("analytics", "AnalyticsIdentifier").objects.update_or_create(pk=1, defaults={"identifier": new})
