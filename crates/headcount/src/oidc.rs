//! Flags of signing in through an OpenID Connect provider, and the settings they make.

use anyhow::{Context as _, anyhow};
use clap::Args;
use headcount_collector::oidc::{Admission, OidcConfig};

#[derive(Args, Debug)]
pub(crate) struct OidcArgs {
    /// Address of an OpenID Connect provider through which people may sign in.
    #[arg(long, value_name = "URL", requires = "oidc_client_id")]
    oidc_issuer: Option<String>,
    /// Name of this collector at the provider.
    #[arg(long, value_name = "ID")]
    oidc_client_id: Option<String>,
    /// Secret of this collector at the provider. The environment and the settings file keep it out of
    /// lists of processes.
    #[arg(long, value_name = "SECRET")]
    oidc_client_secret: Option<String>,
    /// What the sign-in page calls the provider.
    #[arg(long, value_name = "NAME", default_value = "single sign-on")]
    oidc_name: String,
    /// Let in verified addresses of a domain that nobody invited, as viewers of a project. May be
    /// repeated.
    #[arg(long, value_name = "DOMAIN=PROJECT", value_parser = admission)]
    oidc_admit: Vec<Admission>,
}

impl OidcArgs {
    /// The settings; `None` without a provider.
    ///
    /// # Errors
    /// The provider's address cannot be used.
    pub(crate) fn config(self) -> anyhow::Result<Option<OidcConfig>> {
        let Some(issuer) = self.oidc_issuer else {
            return Ok(None);
        };
        let client = self.oidc_client_id.unwrap_or_default();
        let config = OidcConfig::new(&issuer, &client, self.oidc_client_secret)
            .map_err(|problem| anyhow!(problem))
            .context("signing in through a provider")?;
        Ok(Some(
            config.label(&self.oidc_name).admitting(self.oidc_admit),
        ))
    }
}

fn admission(text: &str) -> Result<Admission, String> {
    let wrong = || format!("{text} is no rule such as example.org=alliance-auth");
    let (domain, project) = text.split_once('=').ok_or_else(wrong)?;
    let domain = domain.trim_start_matches('@').to_lowercase();
    if domain.is_empty() || project.is_empty() || domain.contains(['@', ' ']) {
        return Err(wrong());
    }
    Ok(Admission {
        domain,
        project: project.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_a_domain_and_a_project() {
        for text in ["Example.org=one", "@example.org=one"] {
            let rule = admission(text).unwrap();
            assert_eq!(rule.domain, "example.org");
            assert_eq!(rule.project, "one");
        }
        for text in ["", "example.org", "=one", "example.org=", "a@b=one"] {
            assert!(admission(text).is_err(), "{text}");
        }
    }
}
