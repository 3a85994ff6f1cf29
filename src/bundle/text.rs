//! Free text of others, made harmless for a terminal and every format built on text.

/// Longest free text that is shown.
pub const LONGEST_TEXT: usize = 128;

/// Printable ASCII as it is, everything else as `\u{…}`, cut after [`LONGEST_TEXT`] characters.
///
/// ```
/// assert_eq!(stridewise::bundle::shown("AMD\u{1b}[2J ü"), "AMD\\u{1b}[2J \\u{fc}");
/// ```
#[must_use]
pub fn shown(text: &str) -> String {
    let mut out = String::new();
    for (index, c) in text.chars().enumerate() {
        if index == LONGEST_TEXT {
            out.push_str("...");
            break;
        }
        if c == ' ' || c.is_ascii_graphic() { out.push(c) } else { out.extend(c.escape_unicode()) }
    }
    out
}

/// Whether a character is not seen, or turns or ends what stands around it: controls but for a tab and the ends of lines,
/// what Unicode lists as ignorable (`Default_Ignorable_Code_Point`), and signs of annotation and direction.
#[must_use]
pub fn hides(c: char) -> bool {
    let ignorable = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
    ignorable || (c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
}

/// A text for a cell of CSV: what a spreadsheet would take for a formula has a `'` before it, spaces before it or not.
#[must_use]
pub fn cell(text: &str) -> String {
    let first = text.trim_start_matches(' ').chars().next();
    let formula = first.is_some_and(|first| matches!(first, '=' | '+' | '-' | '@' | '\t' | '\r'));
    if formula { format!("'{text}") } else { text.to_owned() }
}

/// [`shown`], and what Markdown would take for markup is escaped: tables, code, images, HTML, mentions.
#[must_use]
pub fn shown_in_markdown(text: &str) -> String {
    markdown(&shown(text))
}

/// Markup of Markdown escaped, in a text of our own that quotes others.
#[must_use]
pub fn markdown(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        // Mentions and references are found after entities and escapes are resolved: only a space between, of no width,
        // keeps them apart.
        let apart = matches!(c, '@' | '#') && chars.peek().is_some_and(|next| next.is_alphanumeric());
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
        if apart {
            out.push_str("&#8203;");
        }
    }
    // Workflow commands and links that are made of bare text.
    out.replace("::", ":\\:").replace("://", ":\\//").replace("www.", "www\\.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stays_live() {
        assert_eq!(shown("a\u{202e}b\u{9b}\n"), "a\\u{202e}b\\u{9b}\\u{a}");
        assert_eq!(shown(&"x".repeat(200)).len(), LONGEST_TEXT + 3);
        let markdown = super::shown_in_markdown("</details>|![x](http://y) @me ::warning::");
        assert!(!markdown.contains('<') && !markdown.contains("::") && !markdown.contains('@'), "{markdown}");
        assert_eq!(
            super::markdown("i7 @ 3 GHz, @me, fixes #1, www.x"),
            "i7 &#64; 3 GHz, &#64;&#8203;me, fixes \\#&#8203;1, www\\.x"
        );
        assert!(markdown.contains("\\|") && markdown.contains("!\\[") && !markdown.contains("://"), "{markdown}");
    }
}
