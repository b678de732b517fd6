//! Prints the JSON answers of the validation endpoints in the layout that Google's servers use.

/// A value of an answer.
pub(crate) enum Answer {
    Bool(bool),
    Text(String),
    List(Vec<Fields>),
}

/// The members of an object, in order.
pub(crate) type Fields = Vec<(&'static str, Answer)>;

/// Prints an object with a line end after it.
pub(crate) fn print(fields: &Fields) -> String {
    let mut out = String::new();
    object(&mut out, fields, 0);
    out.push('\n');
    out
}

fn object(out: &mut String, fields: &Fields, depth: usize) {
    out.push('{');
    for (index, (name, value)) in fields.iter().enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        indent(out, depth + 1);
        quoted(out, name);
        out.push_str(": ");
        match value {
            Answer::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Answer::Text(text) => quoted(out, text),
            Answer::List(items) => list(out, items, depth + 1),
        }
    }
    out.push('\n');
    indent(out, depth);
    out.push('}');
}

fn list(out: &mut String, items: &[Fields], depth: usize) {
    out.push_str("[ ");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        object(out, item, depth);
    }
    out.push_str(if items.is_empty() { "]" } else { " ]" });
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

/// A JSON string in which `&`, `<` and `>` are escaped too, as the original has it.
fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '&' | '<' | '>' | '\u{0}'..='\u{1f}' | '\u{7f}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_two_spaces_with_open_brackets_on_the_line() {
        let text = |text: &str| Answer::Text(text.to_owned());
        let inner = vec![vec![("x", text("a&b"))], vec![("y", Answer::Bool(true))]];
        let printed = print(&vec![
            ("list", Answer::List(inner)),
            ("none", Answer::List(vec![])),
        ]);
        let expected = "{\n  \"list\": [ {\n    \"x\": \"a\\u0026b\"\n  }, {\n    \"y\": true\n  } ],\n  \"none\": [ ]\n}\n";
        assert_eq!(printed, expected);
        serde_json::from_str::<serde_json::Value>(&printed).unwrap();
    }
}
