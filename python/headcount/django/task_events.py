"""Counts how Celery tasks end: success, failure, retry. Imported only where Celery is."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headcount.django.engine import Engine


def connect(module: "Engine") -> None:
    """Listens to Celery's signals, if there is a Celery."""
    try:
        from celery import signals
    except ImportError:
        return
    client, host = module.client, module.host

    def end(sender: Any, result: str, value: Any = None) -> None:
        try:
            module.tick()
            if client.wants("tasks") and not host.is_own_task(sender.name):
                namespace, task = host.task_names(sender)
                client.record_task(namespace, task, result, None, value)
        except Exception as error:
            from headcount.django.engine import log

            log.debug("task event: %s", error, exc_info=True)

    def success(sender: Any = None, result: Any = None, **_: Any) -> None:
        end(sender, "Success", result)

    def failure(sender: Any = None, exception: BaseException | None = None, **_: Any) -> None:
        end(sender, type(exception).__name__)

    def retry(sender: Any = None, **_: Any) -> None:
        end(sender, "Retry")

    for signal, receiver in (
        (signals.task_success, success),
        (signals.task_failure, failure),
        (signals.task_retry, retry),
    ):
        name = f"headcount.{receiver.__name__}"
        signal.disconnect(dispatch_uid=name)
        signal.connect(receiver, weak=False, dispatch_uid=name)
