//! What surrounds a page: title, project menu, tabs, account, footer. The template is layout.html.
//!
//! A page is a struct with a field `shell: Shell` and a template that begins with
//! `{% extends "layout.html" %}` and fills the blocks `main` (inside header and footer), `head`
//! (more elements of the head) or `body` (everything but the skip link). All symbols of
//! symbols.html can be used: `<svg class="i" aria-hidden="true"><use href="#dn"/></svg>`.

use askama::Template;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::assets;
use super::error::PageError;
use crate::access::Action;

/// The pages of a project, in the order of their tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    Overview,
    Tasks,
    Retention,
    Live,
    Apps,
    Settings,
}

impl Tab {
    /// The tabs that are shown; each has a page.
    pub const ALL: [Self; 6] = [
        Self::Overview,
        Self::Tasks,
        Self::Retention,
        Self::Live,
        Self::Apps,
        Self::Settings,
    ];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Tasks => "Tasks",
            Self::Retention => "Retention",
            Self::Live => "Live",
            Self::Apps => "Your apps",
            Self::Settings => "Settings",
        }
    }

    /// What one must be allowed to do for the tab to be of use.
    pub(super) fn needs(self) -> Action {
        match self {
            Self::Overview | Self::Tasks => Action::ReadOwnNamespaces,
            Self::Retention => Action::ReadEverything,
            Self::Live => Action::ReadHits,
            Self::Apps => Action::AskForApps,
            Self::Settings => Action::ChangeSettings,
        }
    }

    /// Address of the page in a project.
    pub fn href(self, slug: &str) -> String {
        match self {
            Self::Overview => format!("/projects/{slug}"),
            Self::Tasks => format!("/projects/{slug}/tasks"),
            Self::Retention => format!("/projects/{slug}/retention"),
            Self::Live => format!("/projects/{slug}/live"),
            Self::Apps => format!("/projects/{slug}/apps"),
            Self::Settings => format!("/projects/{slug}/settings"),
        }
    }
}

/// What layout.html shows around a page.
#[derive(Clone, Debug, Default)]
pub struct Shell {
    /// Name of the page, first in the browser's title.
    pub title: String,
    /// Narrower, for pages of text and forms.
    pub slim: bool,
    /// The open project; without it there are neither menu nor tabs.
    pub project: Option<ShellProject>,
    /// The projects one may switch to.
    pub menu: Vec<MenuEntry>,
    pub tabs: Vec<TabLink>,
    /// Address of the project's public page, where there is one.
    pub public: Option<String>,
    /// On pages for everybody: the project's name beside ours, and a way to sign in.
    pub published: Option<String>,
    /// Who is signed in.
    pub account: Option<Account>,
    /// The visitor's saved views of the project.
    pub views: Vec<ViewLink>,
    /// Address of the page, for saving it as a view; empty where there is nothing to save.
    pub address: String,
    /// Where a manager makes a share link of the page; empty where there is nothing to share.
    pub share: String,
    /// For the hidden field `csrf` of each form that changes something.
    pub form_token: String,
    /// Up to when there is data, as in `22 Nov 2026, 24:00`; pages set it.
    pub data_until: Option<String>,
}

#[derive(Clone, Debug)]
pub struct ShellProject {
    pub name: String,
    pub slug: String,
}

#[derive(Clone, Debug)]
pub struct MenuEntry {
    pub label: String,
    pub href: String,
    pub current: bool,
}

#[derive(Clone, Debug)]
pub struct TabLink {
    pub label: &'static str,
    pub href: String,
    pub current: bool,
}

/// A saved view in the menu.
#[derive(Clone, Debug)]
pub struct ViewLink {
    pub name: String,
    pub href: String,
    pub current: bool,
}

#[derive(Clone, Debug)]
pub struct Account {
    pub email: String,
    pub initials: String,
}

impl Shell {
    /// A page outside of any project, for nobody in particular.
    pub fn bare(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            ..Self::default()
        }
    }

    /// Sets what the footer says about how far the data goes.
    pub fn data_until(mut self, until: String) -> Self {
        self.data_until = Some(until);
        self
    }

    pub(super) fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    pub(super) fn css(&self) -> &'static str {
        assets::css()
    }

    pub(super) fn js(&self) -> &'static str {
        assets::js()
    }

    pub(super) fn icon(&self) -> &'static str {
        assets::icon()
    }
}

impl Account {
    /// The account of an e-mail address; the avatar shows up to two of its initials.
    pub fn of_email(email: &str) -> Self {
        let name = email.split('@').next().unwrap_or_default();
        let words = name.split(|character: char| !character.is_alphanumeric());
        let initials: String = words
            .filter_map(|word| word.chars().next())
            .take(2)
            .collect();
        Self {
            email: email.to_owned(),
            initials: initials.to_uppercase(),
        }
    }
}

/// Answers with a page.
pub fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => ([(CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response(),
        Err(error) => PageError::internal(&error).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Template)]
    #[template(
        source = r#"{% extends "layout.html" %}{% block main %}<p>inside</p>{% endblock %}"#,
        ext = "html"
    )]
    struct Probe {
        shell: Shell,
    }

    #[test]
    fn a_page_of_a_project_has_its_title_menu_tabs_and_account() {
        let entry = |label: &str, current| MenuEntry {
            label: label.to_owned(),
            href: format!("/projects/{}", label.to_lowercase()),
            current,
        };
        let link = |tab: Tab| TabLink {
            label: tab.label(),
            href: tab.href("one"),
            current: tab == Tab::Live,
        };
        let project = ShellProject {
            name: "<One>".to_owned(),
            slug: "one".to_owned(),
        };
        let shell = Shell {
            project: Some(project),
            menu: vec![entry("One", true), entry("Two", false)],
            tabs: Tab::ALL.map(link).to_vec(),
            account: Some(Account::of_email("mara.kern@a.example")),
            ..Shell::bare("Live").data_until("22 Nov 2026, 24:00".to_owned())
        };
        let html = Probe { shell }.render().unwrap();
        let parts = [
            "<title>Live · &#60;One&#62; · headcount</title>",
            r#"<a href="/projects/one" aria-current="true">One</a>"#,
            r#"<a href="/projects/two">Two</a>"#,
            r#"<a href="/projects/one">Overview</a>"#,
            r#"<a href="/projects/one/live" aria-current="page">Live</a>"#,
            r#"aria-label="MK, your account and sign out">MK</a>"#,
            "times are UTC &middot; data up to 22 Nov 2026, 24:00",
            "<p>inside</p>",
        ];
        for part in parts {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        let bare = Probe {
            shell: Shell::bare("Start"),
        };
        let bare = bare.render().unwrap();
        assert!(bare.contains("<title>Start · headcount</title>"));
        assert!(!bare.contains("<nav") && !bare.contains("/account"));
    }

    #[test]
    fn initials_come_from_the_words_of_an_address() {
        let cases = [
            ("mara.kern@a.example", "MK"),
            ("ines@a.example", "I"),
            ("a.b.c@a.example", "AB"),
            ("manager@localhost", "M"),
        ];
        for (email, initials) in cases {
            assert_eq!(Account::of_email(email).initials, initials, "{email}");
        }
    }
}
