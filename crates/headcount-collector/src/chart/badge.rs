//! A badge: two short texts side by side, with one sentence for those who do not see it. Pure.

use super::escape;

/// Width of a character of the 11 px text, roughly, and the room around a text.
const CHARACTER_PX: usize = 7;
const ROOM_PX: usize = 12;

/// A file of its own, for pages of other sites.
pub(crate) fn svg(label: &str, value: &str, title: &str) -> String {
    let width = |text: &str| text.chars().count() * CHARACTER_PX + ROOM_PX;
    let (left, right) = (width(label), width(value));
    let whole = left + right;
    let text = |x: usize, text: &str| {
        format!(
            r#"<text x="{x}" y="14" text-anchor="middle">{}</text>"#,
            escape(text)
        )
    };
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" role="img"><title>{title}</title><rect width="{whole}" height="20" rx="4" fill="#2456a6"/><path d="M4 0H{left}V20H4a4 4 0 0 1-4-4V4a4 4 0 0 1 4-4" fill="#3b4048"/><g fill="#fff" font-family="system-ui,sans-serif" font-size="11">{}{}</g></svg>"##,
        text(left / 2, label),
        text(left + right / 2, value),
        title = escape(title),
    )
}
