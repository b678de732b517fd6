//! What a project without data shows: how to send the first hit, with the project's own ids. Pure.

use crate::meta::projects::Project;

/// An install id for trying: a valid UUID that nobody's install makes.
const TRY_INSTALL: &str = "00000000-0000-4000-8000-000000000001";

/// One way to send.
pub(crate) struct Way {
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    pub(crate) id_label: &'static str,
    pub(crate) id: String,
    pub(crate) command: String,
}

/// All ways, the one for new programs first. `secret` says whether the reader may see the API secret.
pub(crate) fn ways(origin: &str, project: &Project, secret: bool) -> Vec<Way> {
    let api_secret = if secret {
        project.api_secret.as_str()
    } else {
        "API_SECRET"
    };
    vec![
        Way {
            title: "Native batches",
            about: "For the headcount client and new programs: many events in one request, and a receipt for each. The key was shown once when the project was made; put it into HEADCOUNT_KEY.",
            id_label: "Ingest key",
            id: "hc_…".to_owned(),
            command: format!(
                "curl {origin}/api/v1/batch \\\n  -H \"Authorization: Bearer $HEADCOUNT_KEY\" \\\n  -H 'Content-Type: application/json' \\\n  -d '{{\"install\": \"{TRY_INSTALL}\", \"app_version\": \"5.5.0\",\n       \"events\": [{{\"type\": \"stats\", \"users\": 2, \"tokens\": 3,\n                   \"apps\": [{{\"name\": \"memberaudit\", \"version\": \"3.1.0\"}}]}}]}}'"
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
