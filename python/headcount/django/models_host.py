"""The host of plain Django projects: tokens and identity are this app's own models."""

import uuid
from typing import Any

from headcount.django.host import Host, Identity, Token
from headcount.django.models import AnalyticsIdentifier, AnalyticsTokens


class ModelsHost(Host):
    """Tokens and identity of the tables `analytics_analyticstokens` and `analytics_analyticsidentifier`."""

    def tokens(self) -> list[Token]:
        return [
            Token(
                id=row.pk,
                name=row.name,
                type=row.type,
                endpoint=row.endpoint,
                token=row.token,
                secret=row.secret,
                send_stats=row.send_stats,
                send_celery_tasks=row.send_celery_tasks,
                send_page_views=row.send_page_views,
                ignore_paths=row.patterns(),
            )
            for row in AnalyticsTokens.objects.order_by("pk")
        ]

    def followed(self) -> list[Any]:
        return [AnalyticsTokens, AnalyticsIdentifier]

    def add_token(self, values: dict[str, str]) -> int:
        row = AnalyticsTokens(**values)
        row.full_clean()
        row.save()
        return int(row.pk)

    def identity(self) -> Identity:
        row = AnalyticsIdentifier.get_solo()
        return Identity(uuid.UUID(str(row.identifier)), row.secret)

    def set_identity(self, identity: Identity) -> None:
        AnalyticsIdentifier.objects.update_or_create(
            pk=1, defaults={"identifier": identity.identifier, "secret": identity.secret}
        )

    def is_off(self) -> bool:
        return AnalyticsIdentifier.objects.filter(off=True).exists()

    def set_off(self, off: bool) -> None:
        AnalyticsIdentifier.objects.update_or_create(pk=1, defaults={"off": off})
