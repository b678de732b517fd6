//! Records the end of each task that goes through a tower service: its name, success or the error's class, a number.

use std::any::{Any, type_name};
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::client::{Client, Task};
use crate::settings::Feed;

/// What a task that went well is recorded as.
const SUCCESS: &str = "Success";
/// What an error of unknown class is recorded as; its message never is.
const UNKNOWN: &str = "Error";

type Boxed = Box<dyn Error + Send + Sync>;
type ClassOf = fn(&Boxed) -> Option<&'static str>;
type ValueOf = Arc<dyn Fn(&dyn Any) -> Option<f64> + Send + Sync>;

/// A layer that records task ends; works with apalis workers and every other tower service.
///
/// A task is named by [`TaskEvents::task`], else by the type of its arguments. A run counts when its future ends;
/// one that is dropped before, for example by a timeout outside of this layer, does not.
#[derive(Clone)]
pub struct TaskEvents {
    client: Client,
    namespace: Arc<str>,
    task: Option<Arc<str>>,
    classes: Vec<ClassOf>,
    value_of: ValueOf,
}

impl std::fmt::Debug for TaskEvents {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("TaskEvents")
            .field("namespace", &self.namespace)
            .field("task", &self.task)
            .finish_non_exhaustive()
    }
}

impl TaskEvents {
    /// Records with this client; `namespace` is the app whose tasks these are.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        Self {
            client,
            namespace: namespace.into(),
            task: None,
            classes: Vec::new(),
            value_of: Arc::new(number),
        }
    }

    /// Names the task; a worker has one kind.
    #[must_use]
    pub fn task(mut self, name: &str) -> Self {
        self.task = Some(name.into());
        self
    }

    /// Makes a class of error known, so that it is named although it comes in a box, as those of apalis do.
    #[must_use]
    pub fn error<E: Error + 'static>(mut self) -> Self {
        self.classes
            .push(|boxed| boxed.is::<E>().then(|| short(type_name::<E>())));
        self
    }

    /// Takes the run's number out of what it returned; without this, what it returned if that is a number.
    #[must_use]
    pub fn value_by<R, F>(mut self, value_of: F) -> Self
    where
        R: 'static,
        F: Fn(&R) -> Option<f64> + Send + Sync + 'static,
    {
        self.value_of = Arc::new(move |any| any.downcast_ref().and_then(&value_of));
        self
    }

    fn class<E: 'static>(&self, error: &E) -> &'static str {
        let Some(boxed) = (error as &dyn Any).downcast_ref::<Boxed>() else {
            return class_of_type(type_name::<E>());
        };
        let known = self.classes.iter().find_map(|class_of| class_of(boxed));
        known.unwrap_or(UNKNOWN)
    }

    fn record(&self, task: &str, result: &str, value: Option<f64>) {
        // Off, or full and counted: neither concerns the worker.
        let _ = self.client.record_task(&Task {
            namespace: &self.namespace,
            task,
            result,
            label: "",
            value,
        });
    }
}

/// The class of an error whose type is no box.
fn class_of_type(name: &'static str) -> &'static str {
    if name.contains("dyn ") {
        UNKNOWN
    } else {
        short(name)
    }
}

/// `MailError` of `mail::error::MailError<std::string::String>`.
fn short(name: &'static str) -> &'static str {
    let bare = name.split('<').next().unwrap_or(name);
    bare.rsplit("::").next().unwrap_or(bare)
}

/// The type of a request as a task's name: `SendMail` of `apalis_core::task::Task<app::SendMail>`.
fn kind(name: &'static str) -> &'static str {
    let inner = match name.split_once('<') {
        Some((_, inner)) => inner.split([',', '>', '<']).next().unwrap_or(inner),
        None => name,
    };
    short(inner)
}

/// Numbers as they are; a bool is none, as in the original.
fn number(any: &dyn Any) -> Option<f64> {
    macro_rules! one_of {
        ($($kind:ty),*) => {$(
            if let Some(number) = any.downcast_ref::<$kind>() {
                return Some(f64::from(*number));
            }
        )*};
    }
    one_of!(i8, i16, i32, u8, u16, u32, f32, f64);
    #[expect(clippy::cast_precision_loss, reason = "counts beyond 2^53 are none")]
    let wide = |number: i128| number as f64;
    let wide_of = |any: &dyn Any| {
        let signed = any.downcast_ref::<i64>().map(|number| i128::from(*number));
        let signed = signed.or_else(|| any.downcast_ref::<u64>().map(|number| i128::from(*number)));
        let size = || any.downcast_ref::<usize>().map(|number| *number as i128);
        signed.or_else(size)
    };
    wide_of(any).map(wide)
}

impl<S> Layer<S> for TaskEvents {
    type Service = TaskEventsService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TaskEventsService {
            inner,
            events: self.clone(),
        }
    }
}

/// What the layer makes of a service.
#[derive(Clone, Debug)]
pub struct TaskEventsService<S> {
    inner: S,
    events: TaskEvents,
}

impl<S, In> Service<In> for TaskEventsService<S>
where
    S: Service<In>,
    S::Response: 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = TasksFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: In) -> Self::Future {
        let wanted = self.events.client.wants(Feed::Tasks);
        TasksFuture {
            inner: self.inner.call(request),
            events: wanted.then(|| self.events.clone()),
            type_name: type_name::<In>(),
        }
    }
}

pin_project! {
    /// Waits for the end of a task.
    pub struct TasksFuture<F> {
        #[pin]
        inner: F,
        events: Option<TaskEvents>,
        type_name: &'static str,
    }
}

impl<F> std::fmt::Debug for TasksFuture<F> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("TasksFuture(..)")
    }
}

impl<F, R, E> Future for TasksFuture<F>
where
    F: Future<Output = Result<R, E>>,
    R: 'static,
    E: 'static,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let ended = ready!(this.inner.poll(cx));
        if let Some(events) = this.events.take() {
            let name = events.task.as_deref();
            let name = name.unwrap_or_else(|| kind(this.type_name));
            match &ended {
                Ok(returned) => events.record(name, SUCCESS, (events.value_of)(returned)),
                Err(error) => events.record(name, events.class(error), None),
            }
        }
        Poll::Ready(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_types_and_never_from_messages() {
        for (name, found) in [
            ("apalis_core::task::Task<app::SendMail>", "SendMail"),
            ("app::SendMail", "SendMail"),
            ("t::Task<app::Batch<u8>, x::Y>", "Batch"),
            ("u32", "u32"),
        ] {
            assert_eq!(kind(name), found);
        }
        assert_eq!(class_of_type("std::io::error::Error"), "Error");
        assert_eq!(
            class_of_type("mail::MailError<alloc::string::String>"),
            "MailError"
        );
        assert_eq!(
            class_of_type("alloc::boxed::Box<dyn core::error::Error>"),
            UNKNOWN
        );
    }

    #[test]
    fn only_numbers_are_values() {
        assert_eq!(number(&34_u32), Some(34.0));
        assert_eq!(number(&-2_i64), Some(-2.0));
        assert_eq!(number(&7_usize), Some(7.0));
        assert_eq!(number(&1.5_f64), Some(1.5));
        assert_eq!(number(&true), None);
        assert_eq!(number(&"34"), None);
    }
}
