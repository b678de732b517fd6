"""Counts how Celery tasks end: success, failure, retry. Does nothing where there is no Celery."""

from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headcount.django.engine import Engine


def connect(module: "Engine") -> None:
    """Listens to Celery's signals, if there is a Celery."""
    try:
        from celery import signals
    except ImportError:
        return
    from headcount.django.engine import log

    record, host = module.client.record_task, module.host
    #: Namespace and name of each task that ended here, asked once; None for those of the module itself.
    names: dict[Any, tuple[str, str] | None] = {}

    def end(task: Any, result: str, value: Any = None) -> None:
        try:
            if monotonic() >= module.look_at:
                module.tick()
            if task not in names:
                names[task] = None if host.is_own_task(task.name) else host.task_names(task)
            name = names[task]
            if name is not None:
                record(name[0], name[1], result, None, value)
        except Exception as error:
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
