//! Who is in the project: letting in by one-time link, changing, signing out, letting out.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;

use super::{Change, Confirm, Frame, Manager, Section, answer, day, mendable, moment, origin};
use crate::meta::MetaError;
use crate::meta::claims::Claim;
use crate::meta::members::Member;
use crate::meta::people::{Membership, NewMember, Role, UserId};
use crate::web::error::{PageError, redirect};
use crate::web::login::Nothing;
use crate::web::shell::Shell;
use crate::web::{Web, now};

type MemberPath = Result<Path<(String, i64)>, PathRejection>;

#[derive(Template)]
#[template(path = "settings_members.html")]
struct MembersPage {
    shell: Shell,
    frame: Frame,
    at: String,
    lines: Vec<Line>,
    /// Apps that authors ask for.
    claims: Vec<(String, Claim)>,
    /// Where they are decided.
    claims_at: String,
    /// Somebody just let in: their address, and their link where there is one.
    fresh: Option<(String, Option<String>)>,
}

#[derive(Template)]
#[template(path = "settings_member.html")]
struct MemberPage {
    shell: Shell,
    frame: Frame,
    back: String,
    at: String,
    line: Line,
    roles: [(&'static str, &'static str, bool); 3],
    namespaces: String,
    /// Whether the manager may make links and end sessions.
    say: bool,
    /// Where they are signed in; empty where the manager may not say.
    sessions: Vec<SessionRow>,
    /// A link just made.
    link: Option<String>,
}

struct SessionRow {
    id: i64,
    device: String,
    created: String,
    seen: String,
}

struct Line {
    id: i64,
    email: String,
    role: &'static str,
    sees: String,
    seen: String,
    second_factor: bool,
    /// Managers of every project cannot be changed in one.
    fixed: bool,
}

#[derive(Deserialize)]
pub(in crate::web) struct Invitation {
    email: String,
    role: String,
    #[serde(default)]
    namespaces: String,
}

#[derive(Deserialize)]
pub(in crate::web) struct Place {
    role: String,
    #[serde(default)]
    namespaces: String,
}

/// `GET /projects/{project}/settings/members`.
pub(in crate::web) async fn show(
    manager: Manager,
    State(web): State<Web>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    members_page(&web, manager, query.as_deref(), Ok(None)).await
}

/// `POST /projects/{project}/settings/members`. The answer is the only one that shows the link.
pub(in crate::web) async fn invite(
    State(web): State<Web>,
    headers: HeaderMap,
    Change { manager, form }: Change<Invitation>,
) -> Result<Response, PageError> {
    let place = membership(&form.role, &form.namespaces)?;
    let new = NewMember {
        email: form.email,
        project: manager.slug().to_owned(),
        role: place.role,
        namespaces: place.namespaces,
        password_hash: None,
    };
    let by = manager.user().clone();
    let invited = web.meta(move |meta| mendable(meta.invite(&new, &by, now())));
    let fresh = invited.await?.map(|invited| {
        let link = invited.link.map(|token| link_of(&web, &headers, &token));
        Some((invited.user.email, link))
    });
    members_page(&web, manager, None, fresh).await
}

/// `GET /projects/{project}/settings/members/{id}`.
pub(in crate::web) async fn edit(
    manager: Manager,
    State(web): State<Web>,
    id: MemberPath,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let id = user_id(id)?;
    member_page(&web, manager, (id, query.as_deref()), Ok(None)).await
}

/// `POST /projects/{project}/settings/members/{id}`.
pub(in crate::web) async fn change(
    State(web): State<Web>,
    id: MemberPath,
    Change { manager, form }: Change<Place>,
) -> Result<Response, PageError> {
    let id = user_id(id)?;
    let place = membership(&form.role, &form.namespaces)?;
    let (number, by) = (manager.number(), manager.user().clone());
    let changed =
        web.meta(move |meta| mendable(meta.change_member((number, id), &place, &by, now())));
    match changed.await? {
        Ok(()) => Ok(manager.back(Section::Members, "member")),
        Err(problem) => member_page(&web, manager, (id, None), Err(problem)).await,
    }
}

/// `POST /projects/{project}/settings/members/{id}/link`. The answer is the only one that shows it.
pub(in crate::web) async fn link(
    State(web): State<Web>,
    headers: HeaderMap,
    id: MemberPath,
    Change { manager, .. }: Change<Nothing>,
) -> Result<Response, PageError> {
    let id = user_id(id)?;
    let (number, by) = (manager.number(), manager.user().clone());
    let made = web.meta(move |meta| mendable(meta.link_for_member((number, id), &by, now())));
    let made = made
        .await?
        .map(|token| Some(link_of(&web, &headers, &token)));
    member_page(&web, manager, (id, None), made).await
}

/// `POST /projects/{project}/settings/members/{id}/sessions/end`.
pub(in crate::web) async fn end_sessions(
    State(web): State<Web>,
    id: MemberPath,
    Change { manager, .. }: Change<Nothing>,
) -> Result<Response, PageError> {
    let id = user_id(id)?;
    let (number, by) = (manager.number(), manager.user().clone());
    let ended =
        web.meta(move |meta| mendable(meta.end_sessions_of_member((number, id), &by, now())));
    match ended.await? {
        Ok(()) => Ok(manager.back(Section::Members, "sessions")),
        Err(problem) => member_page(&web, manager, (id, None), Err(problem)).await,
    }
}

/// `POST /projects/{project}/settings/members/{id}/sessions/{session}/end`.
pub(in crate::web) async fn end_session(
    State(web): State<Web>,
    ids: Result<Path<(String, i64, i64)>, PathRejection>,
    Change { manager, .. }: Change<Nothing>,
) -> Result<Response, PageError> {
    let Path((_, user, session)) = ids.map_err(|_| PageError::NotFound)?;
    let user = UserId(user);
    let (number, by) = (manager.number(), manager.user().clone());
    let ended = web.meta(move |meta| {
        mendable(meta.end_session_of_member((number, user), session, &by, now()))
    });
    match ended.await? {
        Ok(()) => Ok(redirect(&format!(
            "{}/{}?done=session",
            Section::Members.href(manager.slug()),
            user.0
        ))),
        Err(problem) => member_page(&web, manager, (user, None), Err(problem)).await,
    }
}

/// `GET /projects/{project}/settings/members/{id}/remove`.
pub(in crate::web) async fn ask_remove(
    manager: Manager,
    State(web): State<Web>,
    id: MemberPath,
) -> Result<Response, PageError> {
    let id = user_id(id)?;
    let member = member(&web, &manager, id).await?;
    remove_page(&manager, &member, None)
}

/// `POST /projects/{project}/settings/members/{id}/remove`.
pub(in crate::web) async fn remove(
    State(web): State<Web>,
    id: MemberPath,
    Change { manager, .. }: Change<Nothing>,
) -> Result<Response, PageError> {
    let id = user_id(id)?;
    let (number, by) = (manager.number(), manager.user().clone());
    let removed = web.meta(move |meta| mendable(meta.remove_member((number, id), &by, now())));
    match removed.await? {
        Ok(()) => Ok(manager.back(Section::Members, "member-removed")),
        Err(problem) => {
            let member = member(&web, &manager, id).await?;
            remove_page(&manager, &member, Some(problem))
        }
    }
}

fn remove_page(
    manager: &Manager,
    member: &Member,
    problem: Option<String>,
) -> Result<Response, PageError> {
    let refused = problem.is_some();
    let page = Confirm {
        shell: manager.shell()?,
        frame: manager.frame(Section::Members).but(problem),
        title: format!("Remove {}?", member.user.email),
        texts: vec![
            "They see nothing of this project from now on. Their saved views and requests for apps in it are deleted.".to_owned(),
            "The account itself stays, with its other projects. What they did stays in the audit log.".to_owned(),
        ],
        button: "Remove member".to_owned(),
        back: Section::Members.href(manager.slug()),
        typed: None,
    };
    Ok(answer(&page, refused))
}

fn user_id(id: MemberPath) -> Result<UserId, PageError> {
    let Path((_, id)) = id.map_err(|_| PageError::NotFound)?;
    Ok(UserId(id))
}

fn membership(role: &str, namespaces: &str) -> Result<Membership, PageError> {
    let role = Role::of_word(role);
    let role = role.ok_or_else(|| PageError::BadRequest("choose a role".to_owned()))?;
    let words = namespaces.split([',', ' ', '\n', '\r', '\t']);
    let words = words.filter(|word| !word.is_empty()).map(str::to_owned);
    // The field is there without a script, too, for roles that have none.
    let namespaces = match role {
        Role::Author => words.collect(),
        Role::Manager | Role::Viewer => Vec::new(),
    };
    Ok(Membership { role, namespaces })
}

fn link_of(web: &Web, headers: &HeaderMap, token: &str) -> String {
    format!("{}/login/link/{token}", origin(web, headers))
}

fn role_label(role: Role) -> &'static str {
    match role {
        Role::Manager => "Manager",
        Role::Viewer => "Viewer",
        Role::Author => "App author",
    }
}

fn line(member: Member) -> Line {
    Line {
        id: member.user.id.0,
        role: role_label(member.membership.role),
        sees: match member.membership.role {
            Role::Manager if member.user.all_projects => "every project".to_owned(),
            Role::Manager | Role::Viewer => "everything".to_owned(),
            Role::Author if member.membership.namespaces.is_empty() => "nothing yet".to_owned(),
            Role::Author => format!("{} only", member.membership.namespaces.join(", ")),
        },
        seen: match member.seen_ms {
            Some(seen_ms) => moment(seen_ms),
            None if member.was_here => "signed out".to_owned(),
            None => "invited".to_owned(),
        },
        second_factor: member.second_factor,
        fixed: member.user.all_projects,
        email: member.user.email,
    }
}

async fn member(web: &Web, manager: &Manager, id: UserId) -> Result<Member, PageError> {
    let number = manager.number();
    let member = web.meta(move |meta| meta.member(number, id)).await?;
    if member.user.all_projects {
        return Err(PageError::NotFound);
    }
    Ok(member)
}

async fn member_page(
    web: &Web,
    manager: Manager,
    (id, query): (UserId, Option<&str>),
    made: Result<Option<String>, String>,
) -> Result<Response, PageError> {
    let member = member(web, &manager, id).await?;
    let by = manager.user().clone();
    let found = web.meta(move |meta| -> Result<_, MetaError> {
        let say = meta.has_say_over(&by, id)? && id != by.id;
        let sessions = if say {
            meta.sessions_of(id, now())?
        } else {
            Vec::new()
        };
        Ok((say, sessions))
    });
    let (say, sessions) = found.await?;
    let (link, problem) = match made {
        Ok(link) => (link, None),
        Err(problem) => (None, Some(problem)),
    };
    let refused = problem.is_some();
    let role = member.membership.role;
    let back = Section::Members.href(manager.slug());
    let page = MemberPage {
        shell: manager.shell()?,
        frame: manager.frame(Section::Members).after(query).but(problem),
        at: format!("{back}/{}", id.0),
        back,
        roles: Role::ALL.map(|each| (each.word(), role_label(each), each == role)),
        namespaces: member.membership.namespaces.join(" "),
        line: line(member),
        say,
        sessions: sessions
            .into_iter()
            .map(|line| SessionRow {
                id: line.id,
                device: line.device,
                created: moment(line.created_ms),
                seen: moment(line.seen_ms),
            })
            .collect(),
        link,
    };
    Ok(answer(&page, refused))
}

async fn members_page(
    web: &Web,
    manager: Manager,
    query: Option<&str>,
    fresh: Result<Option<(String, Option<String>)>, String>,
) -> Result<Response, PageError> {
    let number = manager.number();
    let found = web.meta(move |meta| -> Result<_, MetaError> {
        Ok((meta.members_of(number)?, meta.waiting_claims(number)?))
    });
    let (members, claims) = found.await?;
    let (fresh, problem) = match fresh {
        Ok(fresh) => (fresh, None),
        Err(problem) => (None, Some(problem)),
    };
    let refused = problem.is_some();
    let page = MembersPage {
        shell: manager.shell()?,
        frame: manager.frame(Section::Members).after(query).but(problem),
        at: Section::Members.href(manager.slug()),
        lines: members.into_iter().map(line).collect(),
        claims: claims
            .into_iter()
            .map(|claim| (day(claim.created_ms), claim))
            .collect(),
        claims_at: format!("{}/claims", Section::Keys.href(manager.slug())),
        fresh,
    };
    Ok(answer(&page, refused))
}
