//! A collector's pages on a loopback port, and a browser of few words to ask them with.

use std::io::Read as _;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::app::Collector;
use crate::config::Config;
use crate::meta::Meta;
use crate::meta::audit::Actor;
use crate::meta::password;
use crate::meta::people::tests::member;
use crate::meta::people::{NewMember, Role, User};
use crate::meta::tests::project;
use crate::server::{self, Limits};
use crate::web::{Web, csrf, now, pages, with_layers};

pub(super) const PASSWORD: &str = "correct horse battery";

/// Pages with one project, `one`.
pub(super) struct Site {
    pub(super) address: SocketAddr,
    web: Web,
    _folder: tempfile::TempDir,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) bytes: Vec<u8>,
    /// Empty when the bytes are no text.
    pub(super) body: String,
}

impl Site {
    pub(super) async fn start(public_url: Option<&str>) -> Self {
        Self::with(|config| config.public_url = public_url.map(str::to_owned)).await
    }

    /// Pages of a collector with settings of its own.
    pub(super) async fn with(set: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::new(folder.path());
        set(&mut config);
        let collector = Collector::open(config).unwrap();
        project(&collector.meta, "One");
        let web = Web::new(collector);
        let router = with_layers(pages().merge(super::probes()), web.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits::default();
        tokio::spawn(server::serve(
            listener,
            router,
            limits,
            std::future::pending(),
        ));
        Self {
            address,
            web,
            _folder: folder,
        }
    }

    pub(super) fn meta(&self) -> &Meta {
        &self.web.collector().meta
    }

    pub(super) fn collector(&self) -> &Collector {
        self.web.collector()
    }

    /// Lets somebody into the project `one`.
    pub(super) fn member(&self, email: &str, role: Role, password: Option<&str>) -> User {
        let user = member(self.meta(), email, "one", role);
        let Some(password) = password else {
            return user;
        };
        let membership = self.meta().projects_of(&user).unwrap().remove(0).membership;
        let new = NewMember {
            email: email.to_owned(),
            project: "one".to_owned(),
            role,
            namespaces: membership.namespaces,
            password_hash: Some(password::hash(password, email).unwrap()),
        };
        self.meta()
            .create_user(&new, &Actor::CommandLine, now())
            .unwrap()
    }

    /// Signs a user in without a password; the cookie to send, and a token for forms.
    pub(super) fn session(&self, user: &User) -> (String, String) {
        let token = self.meta().open_session(user.id, "", None, now()).unwrap();
        let form_token = csrf::form_token(&token).unwrap();
        (format!("Cookie: headcount={token}"), form_token)
    }

    pub(super) async fn get(&self, path: &str, header: &str) -> Answer {
        self.send("GET", path, &[header], "").await
    }

    pub(super) async fn post(&self, path: &str, header: &str, form: &str) -> Answer {
        self.send("POST", path, &[header], form).await
    }

    pub(super) async fn sign_in(&self, email: &str, password: &str, next: &str) -> Answer {
        let coded = |text: &str| {
            let set = percent_encoding::NON_ALPHANUMERIC;
            percent_encoding::utf8_percent_encode(text, set).to_string()
        };
        let form = format!(
            "email={}&password={}&next={}",
            coded(email),
            coded(password),
            coded(next)
        );
        self.post_open("/login", "", &form).await
    }

    /// Sends a form of nobody in particular as a browser does: the page first, then its form with
    /// the page's token and cookie. `cookies` are those the browser has already.
    pub(super) async fn post_open(&self, path: &str, cookies: &str, form: &str) -> Answer {
        let page = self.get(path, cookies).await;
        let (token, cookie) = match page.header("set-cookie") {
            Some(_) => (page.form_token(), page.cookie()),
            // Gone, or signed in already: there is no form, so only the refusal can be tested.
            None => (String::new(), "Cookie: a=b".to_owned()),
        };
        let cookie = match cookies {
            "" => cookie,
            more => format!("{more}; {}", cookie.trim_start_matches("Cookie: ")),
        };
        self.post(path, &cookie, &format!("csrf={token}&{form}"))
            .await
    }

    /// Sends one request on a connection of its own; empty headers are left out.
    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[&str],
        form: &str,
    ) -> Answer {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
            self.address
        );
        for header in headers.iter().filter(|header| !header.is_empty()) {
            request.push_str(header);
            request.push_str("\r\n");
        }
        if method == "POST" {
            let length = form.len();
            request.push_str("Content-Type: application/x-www-form-urlencoded\r\n");
            request.push_str(&format!("Content-Length: {length}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(form);
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        Answer::parse(&bytes)
    }

    pub(super) fn unzip(&self, answer: &Answer) -> String {
        let mut text = String::new();
        flate2::read::GzDecoder::new(answer.bytes.as_slice())
            .read_to_string(&mut text)
            .unwrap();
        text
    }
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let (head, body) = bytes.split_at(end.unwrap() + 4);
        let head = String::from_utf8(head.to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        Self {
            status: status.parse().unwrap(),
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            bytes: body.to_vec(),
            body: String::from_utf8(body.to_vec()).unwrap_or_default(),
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The header that sends back the cookie this answer set.
    pub(super) fn cookie(&self) -> String {
        let pair = self.header("set-cookie").unwrap().split(';').next();
        format!("Cookie: {}", pair.unwrap())
    }

    /// All cookies this answer set, as `name=value`.
    pub(super) fn cookies(&self) -> Vec<String> {
        let set = self.headers.iter().filter(|(name, _)| name == "set-cookie");
        let pairs = set.filter_map(|(_, value)| value.split(';').next());
        pairs.map(str::to_owned).collect()
    }

    /// The token in the first form of a page.
    pub(super) fn form_token(&self) -> String {
        let (_, rest) = self.body.split_once(r#"name="csrf" value=""#).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}
