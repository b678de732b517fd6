//! Gives every flag an environment variable and a key of the settings file: flag, then environment,
//! then file, then default.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::BoolishValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory as _};

use crate::cli::Cli;

const CONFIG_FLAG: &str = "--config";
const CONFIG_VARIABLE: &str = "HEADCOUNT_CONFIG";
/// Flags that are no settings.
const NOT_IN_FILE: [&str; 3] = ["config", "help", "version"];

/// Parses the command line with environment and file behind it.
///
/// # Errors
/// Wrong usage, an unreadable file, an unknown key.
pub(crate) fn matches(args: impl IntoIterator<Item = OsString>) -> Result<ArgMatches, clap::Error> {
    let args: Vec<OsString> = args.into_iter().collect();
    let mut command = with_variables(Cli::command());
    if let Some(path) = config_path(&args, std::env::var_os(CONFIG_VARIABLE)) {
        let values = read(&path).and_then(|text| parse(&text, &flags(&command)));
        match values {
            Ok(values) => command = with_file(command, &values),
            Err(problem) => {
                let message = format!("settings file {}: {problem}\n", path.display());
                return Err(command.error(ErrorKind::InvalidValue, message));
            }
        }
    }
    command.try_get_matches_from(args)
}

/// The file is needed before clap can parse, since it holds defaults.
fn config_path(args: &[OsString], variable: Option<OsString>) -> Option<PathBuf> {
    let mut args = args.iter().take_while(|arg| *arg != "--");
    while let Some(arg) = args.next() {
        if arg == CONFIG_FLAG {
            return args.next().map(PathBuf::from);
        }
        let joined = arg.to_str().and_then(|arg| arg.strip_prefix(CONFIG_FLAG));
        if let Some(path) = joined.and_then(|rest| rest.strip_prefix('=')) {
            return Some(PathBuf::from(path));
        }
    }
    variable.filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

fn with_variables(command: Command) -> Command {
    each_flag(command, &|long, arg| {
        let arg = arg
            .env(format!(
                "HEADCOUNT_{}",
                long.to_uppercase().replace('-', "_")
            ))
            .hide_env_values(true);
        match arg.get_action() {
            ArgAction::SetTrue => arg.value_parser(BoolishValueParser::new()),
            _ => arg,
        }
    })
}

fn with_file(command: Command, values: &BTreeMap<String, Vec<String>>) -> Command {
    each_flag(command, &|long, arg| match values.get(long) {
        Some(values) => arg.default_values(values.clone()).required(false),
        None => arg,
    })
}

fn each_flag(command: Command, change: &dyn Fn(&str, Arg) -> Arg) -> Command {
    command
        .mut_args(|arg| match arg.get_long().map(str::to_owned) {
            Some(long) => change(&long, arg),
            None => arg,
        })
        .mut_subcommands(|subcommand| each_flag(subcommand, change))
}

/// Names of all flags of all commands that may stand in the file.
fn flags(command: &Command) -> Vec<String> {
    let own = command.get_arguments().filter_map(Arg::get_long);
    let mut names: Vec<String> = own
        .filter(|long| !NOT_IN_FILE.contains(long))
        .map(str::to_owned)
        .chain(command.get_subcommands().flat_map(flags))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn parse(text: &str, flags: &[String]) -> Result<BTreeMap<String, Vec<String>>, String> {
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| error.to_string().trim_end().to_owned())?;
    let mut values = BTreeMap::new();
    for (key, value) in table {
        let long = key.replace('_', "-");
        if !flags.contains(&long) {
            return Err(format!(
                "unknown key `{key}`, known are: {}",
                flags.join(", ")
            ));
        }
        let texts = match value {
            toml::Value::Array(items) => items.into_iter().map(scalar).collect(),
            single => scalar(single).map(|text| vec![text]),
        };
        let texts: Vec<String> = texts.ok_or_else(|| {
            format!("key `{key}`: expected a text, a number, true or false, or a list of those")
        })?;
        if values.insert(long, texts).is_some() {
            return Err(format!("key `{key}` is there twice"));
        }
    }
    Ok(values)
}

fn scalar(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(on) => Some(on.to_string()),
        toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_command_tree_is_sound() {
        let command = with_variables(Cli::command());
        let every: BTreeMap<String, Vec<String>> = flags(&command)
            .into_iter()
            .map(|flag| (flag, vec!["1".to_owned()]))
            .collect();
        with_file(command, &every).debug_assert();
    }

    #[test]
    fn the_file_is_found() {
        for (line, variable, expected) in [
            ("headcount serve", None, None),
            ("headcount serve", Some("e"), Some("e")),
            ("headcount serve", Some(""), None),
            ("headcount serve --config a", Some("e"), Some("a")),
            ("headcount --config=a serve", None, Some("a")),
            ("headcount serve -- --config a", None, None),
        ] {
            let found = config_path(&args(line), variable.map(OsString::from));
            assert_eq!(found, expected.map(PathBuf::from), "{line}");
        }
    }

    #[test]
    fn the_file_is_checked() {
        let flags = ["api-secret".to_owned(), "listen".to_owned()];
        for (text, expected) in [
            ("listen = 'a'\napi_secret = 5", Ok(2)),
            ("api-secret = [1, true]", Ok(1)),
            (
                "lissen = 'a'",
                Err("unknown key `lissen`, known are: api-secret, listen"),
            ),
            ("api_secret = 1\napi-secret = 2", Err("twice")),
            ("[listen]\na = 1", Err("expected a text")),
            ("listen", Err("1 | listen")),
        ] {
            match (parse(text, &flags), expected) {
                (Ok(values), Ok(count)) => assert_eq!(values.len(), count, "{text}"),
                (Err(problem), Err(part)) => assert!(problem.contains(part), "{problem}"),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
    }

    #[test]
    fn flags_win_over_the_file() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("headcount.toml");
        std::fs::write(
            &path,
            "listen = '127.0.0.1:1'\ndata = 'from-file'\njson = true",
        )
        .unwrap();
        let mut line = args("headcount serve --listen 127.0.0.1:2 --config");
        line.push(path.into_os_string());
        let matches = matches(line).unwrap();
        assert!(matches.get_flag("json"));
        let serve = matches.subcommand_matches("serve").unwrap();
        assert_eq!(
            serve.get_one::<PathBuf>("data").unwrap(),
            Path::new("from-file")
        );
        let listen: &std::net::SocketAddr = serve.get_one("listen").unwrap();
        assert_eq!(listen.port(), 2);
    }
}
