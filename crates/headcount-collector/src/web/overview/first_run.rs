//! What a project without data shows: how to send the first hit, with the project's own ids. Pure.

use crate::meta::projects::Project;

/// An install id for trying: a valid UUID that nobody's install makes.
const TRY_INSTALL: &str = "00000000-0000-4000-8000-000000000001";

/// One way to send.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    pub(crate) id_label: &'static str,
    pub(crate) id: String,
    pub(crate) command: String,
}

/// All ways, those of whole programs first. `secret` says whether the reader may see what installs
/// send with.
pub(crate) fn ways(origin: &str, project: &Project, secret: bool) -> Vec<Way> {
    let or = |key: &str, name: &str| {
        let shown = secret && !key.is_empty();
        if shown { key } else { name }.to_owned()
    };
    let key = or(&project.ingest_key, "INGEST_KEY");
    let api_secret = or(&project.api_secret, "API_SECRET");
    let mut ways = programs(origin, &key).to_vec();
    ways.extend(wires(origin, project, (&key, &api_secret)));
    ways
}

/// Programs that have the module built in.
fn programs(origin: &str, key: &str) -> [Way; 4] {
    let of_key = |title, about, command| Way {
        title,
        about,
        id_label: "Ingest key",
        id: key.to_owned(),
        command,
    };
    [
        of_key(
            "Alliance Auth",
            "One line in local.py, in any position. Then add a token of type HEADCOUNT in the admin under Analytics, with the address and the key.",
            format!(
                "pip install headcount\n\n# local.py\nINSTALLED_APPS += [\"headcount.allianceauth\"]\n\n# the token\n# endpoint  {origin}\n# token     {key}"
            ),
        ),
        of_key(
            "Django",
            "Any Django project. Then add a token of type HEADCOUNT in the admin under Analytics, with the address and the key.",
            format!(
                "pip install headcount\n\n# settings.py\nINSTALLED_APPS += [\"headcount.django\"]\nMIDDLEWARE += [\"headcount.django.middleware.AnalyticsMiddleware\"]\n\n# the token\n# endpoint  {origin}\n# token     {key}"
            ),
        ),
        of_key(
            "Rust",
            "The crate headcount-client. The state folder is made once on each install, from its command line or by the program itself.",
            format!(
                "// headcount client --state ./analytics init --app my-app --app-version 1.0\n// headcount client --state ./analytics token add --name Team --type headcount \\\n//   --endpoint {origin} --token {key}\nlet client = Client::open(Config::new(\"./analytics\").app(\"my-app\", \"1.0\"));\nclient.record_stats(&Stats {{ users: Some(128), ..Stats::default() }});"
            ),
        ),
        of_key(
            "Any language, through the agent",
            "headcount agent runs beside the program, keeps what could not be sent, and takes events over HTTP on loopback.",
            format!(
                "headcount client --state ./analytics init --app my-app --app-version 1.0\nheadcount client --state ./analytics token add --name Team --type headcount \\\n  --endpoint {origin} --token {key}\nheadcount agent --state ./analytics &\ncurl http://127.0.0.1:8788/record \\\n  -H 'Content-Type: application/json' \\\n  -d '{{\"events\": [{{\"type\": \"stats\", \"users\": 2}}]}}'"
            ),
        ),
    ]
}

/// The three protocols, each with one call of curl.
fn wires(origin: &str, project: &Project, (key, api_secret): (&str, &str)) -> [Way; 3] {
    [
        Way {
            title: "Native batches",
            about: "For the headcount client and new programs: many events in one request, and a receipt for each.",
            id_label: "Ingest key",
            id: key.to_owned(),
            command: format!(
                "curl {origin}/api/v1/batch \\\n  -H \"Authorization: Bearer {key}\" \\\n  -H 'Content-Type: application/json' \\\n  -d '{{\"install\": \"{TRY_INSTALL}\", \"app_version\": \"5.5.0\",\n       \"events\": [{{\"type\": \"stats\", \"users\": 2, \"tokens\": 3,\n                   \"apps\": [{{\"name\": \"memberaudit\", \"version\": \"3.1.0\"}}]}}]}}'"
            ),
        },
        Way {
            title: "Google Analytics 4",
            about: "For programs that send the GA4 Measurement Protocol: only the host changes.",
            id_label: "Measurement ID",
            id: project.measurement_id.clone(),
            command: format!(
                "curl '{origin}/mp/collect?measurement_id={}&api_secret={api_secret}' \\\n  -H 'Content-Type: application/json' \\\n  -d '{{\"client_id\": \"{TRY_INSTALL}\",\n       \"events\": [{{\"name\": \"page_view\",\n                   \"params\": {{\"page_location\": \"https://example.com/dashboard/\", \"page_title\": \"Dashboard\"}}}}]}}'",
                project.measurement_id
            ),
        },
        Way {
            title: "Universal Analytics",
            about: "For programs that still send the Measurement Protocol v1: only the host changes.",
            id_label: "Tracking ID",
            id: project.tracking_id.clone(),
            command: format!(
                "curl {origin}/collect \\\n  -d 'v=1&t=pageview&tid={}&cid={TRY_INSTALL}&dp=%2Fdashboard%2F&dt=Dashboard&av=5.5.0'",
                project.tracking_id
            ),
        },
    ]
}
