//! Python values as the module takes them. Raises nothing: what cannot be used is `None`.

use std::borrow::Cow;

use headcount_client::{Deployment, InstalledApp, Stats};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};

/// A text argument; `None` stands for an empty one, other objects for what `str()` makes of them.
pub(crate) fn text<'a>(value: Option<&'a Bound<'_, PyAny>>) -> Option<Cow<'a, str>> {
    let Some(value) = value else {
        return Some(Cow::Borrowed(""));
    };
    if let Ok(text) = value.cast::<PyString>() {
        return Some(match text.to_str() {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(text.to_string_lossy().into_owned()),
        });
    }
    if value.is_none() {
        return Some(Cow::Borrowed(""));
    }
    let made = value.str().ok()?;
    Some(Cow::Owned(made.to_string_lossy().into_owned()))
}

/// A number argument of a call: what is a number or reads like one; True is 1.
pub(crate) fn number(value: &Bound<'_, PyAny>) -> Option<f64> {
    match value.cast::<PyString>() {
        Ok(text) => text.to_str().ok()?.trim().parse().ok(),
        Err(_) => value.extract().ok(),
    }
}

/// What a task returned, where that is a number; True is 1.
pub(crate) fn amount(value: Option<&Bound<'_, PyAny>>) -> Option<f64> {
    let value = value?;
    let is_number = value.is_instance_of::<PyInt>()
        || value.is_instance_of::<PyFloat>()
        || value.is_instance_of::<PyBool>();
    is_number.then(|| value.extract().ok()).flatten()
}

/// Statistics of the install from `{"users": 1, "apps": [("name", "1.0"), ...], ...}`.
pub(crate) fn stats(values: &Bound<'_, PyAny>) -> Option<Stats> {
    let values = values.cast::<PyDict>().ok()?;
    let item = |name: &str| {
        let value = values.get_item(name).ok().flatten();
        value.filter(|value| !value.is_none())
    };
    let count = |name: &str| item(name).and_then(|value| value.extract::<u64>().ok());
    let mut stats = Stats {
        users: count("users"),
        tokens: count("tokens"),
        addons: count("addons"),
        ..Stats::default()
    };
    stats.deployment = item("deployment")
        .and_then(|kind| kind.extract::<String>().ok())
        .filter(|kind| !kind.is_empty())
        .map(Deployment);
    if let Some(apps) = item("apps") {
        for app in apps.try_iter().ok()? {
            stats.apps.push(installed(&app.ok()?)?);
        }
    }
    Some(stats)
}

/// `"name"` or `("name", "1.0")` or `("name", None)`.
fn installed(app: &Bound<'_, PyAny>) -> Option<InstalledApp> {
    if let Ok(name) = app.extract::<String>() {
        return Some(InstalledApp {
            name,
            version: None,
        });
    }
    let (name, version) = app.extract::<(String, Option<String>)>().ok()?;
    Some(InstalledApp { name, version })
}
