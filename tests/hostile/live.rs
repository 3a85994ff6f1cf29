//! What would be live in a page, in Markdown, in a table or on a terminal.

use std::path::Path;

/// Controls that no text may have, wherever it goes: escapes, bidirectional and invisible ones, and the start of a line that
/// a build service takes for a command.
pub(crate) fn control(text: &str) -> Option<String> {
    let hidden = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
            || matches!(c, '\u{2028}' | '\u{2029}')
    };
    let found = text.chars().find(|&c| hidden(c)).map(|c| format!("{c:?}"));
    found.or_else(|| text.lines().any(|line| line.trim_start().starts_with("::")).then(|| "::command".to_owned()))
}

/// A tag as it stands in a page: its name, and its attributes with their values.
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

/// Tags of HTML or SVG, as a browser finds them: `<` and a letter, quotes respected.
fn tags(text: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let end = rest.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(rest.len());
        let mut tag = Tag { name: rest[..end].to_ascii_lowercase(), attributes: Vec::new() };
        rest = &rest[end..];
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
            if rest.is_empty() || rest.starts_with('>') {
                break;
            }
            let end = rest.find(|c: char| c.is_whitespace() || "=>/".contains(c)).unwrap_or(rest.len()).max(1);
            let name = rest[..end].to_ascii_lowercase();
            rest = rest[end..].trim_start();
            let mut value = "";
            if let Some(after) = rest.strip_prefix('=') {
                rest = after.trim_start();
                let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
                if let Some(quote) = quote {
                    let end = rest[1..].find(quote).map_or(rest.len(), |end| end + 1);
                    value = &rest[1..end];
                    rest = rest.get(end + 1..).unwrap_or("");
                } else {
                    let end = rest.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(rest.len());
                    value = &rest[..end];
                    rest = &rest[end..];
                }
            }
            tag.attributes.push((name, value.to_owned()));
        }
        found.push(tag);
    }
    found
}

/// What runs or loads in a page or a picture, beside the page's one script; bodies of script and style are our own.
pub(crate) fn in_page(text: &str, page: bool) -> Option<String> {
    let tags = tags(text);
    let count = |name: &str| tags.iter().filter(|tag| tag.name == name).count();
    if count("script") != usize::from(page) {
        return Some(format!("{} scripts", count("script")));
    }
    let unknown = ["iframe", "object", "embed", "base", "form", "foreignobject", "animate", "set", "img", "image"];
    if let Some(tag) = tags.iter().find(|tag| unknown.contains(&tag.name.as_str())) {
        let own =
            tag.attributes.iter().any(|(name, value)| name.ends_with("src") && value.starts_with("data:image/png"));
        if !own {
            return Some(format!("<{}>", tag.name));
        }
    }
    for tag in &tags {
        for (name, value) in &tag.attributes {
            let value = value.trim().to_ascii_lowercase();
            let loads = ["src", "href", "xlink:href", "action", "formaction", "data", "srcset", "poster", "background"];
            let outside = loads.contains(&name.as_str()) && !(value.starts_with('#') || value.starts_with("data:"));
            let runs = name.starts_with("on") || value.starts_with("javascript:");
            let fetches = name == "style" && (value.contains("url(") || value.contains("expression("));
            let sent = name == "http-equiv" && value != "content-security-policy";
            if outside || runs || fetches || sent {
                return Some(format!("<{} {name}={value:?}>", tag.name));
            }
        }
    }
    // No style asks for anything from elsewhere.
    text.contains("@import").then(|| "@import".to_owned())
}

/// What Markdown would take for more than text: tags of HTML but our own, links and images but to our charts, addresses,
/// mentions, references, code that is not closed.
pub(crate) fn in_markdown(text: &str) -> Option<String> {
    let own = ["details", "summary", "br", "sub"];
    if let Some(tag) =
        tags(text).into_iter().find(|tag| !own.contains(&tag.name.as_str()) || !tag.attributes.is_empty())
    {
        return Some(format!("<{}>", tag.name));
    }
    if text.contains("<!--") || text.contains("<?") {
        return Some("a comment".to_owned());
    }
    for (at, _) in text.match_indices("](") {
        let target = &text[at + 2..];
        if !target.starts_with("charts/") && !text[..at].ends_with('\\') {
            return Some(format!("a link to {:?}", target.chars().take(30).collect::<String>()));
        }
    }
    let lower = text.to_ascii_lowercase();
    let address = ["http://", "https://", "www.", "ftp://"].into_iter().find(|word| {
        // An address in code is text.
        lower
            .match_indices(word)
            .any(|(at, _)| lower[..at].rsplit('\n').next().unwrap_or("").matches('`').count().is_multiple_of(2))
    });
    if let Some(word) = address {
        return Some(word.to_owned());
    }
    let unescaped = |sign: char| {
        text.match_indices(sign).find(|(at, _)| {
            let before = &text[..*at];
            let next = text[at + sign.len_utf8()..].chars().next();
            next.is_some_and(char::is_alphanumeric) && !before.ends_with(['\\', '&']) && !before.ends_with("&#")
        })
    };
    if unescaped('@').is_some() {
        return Some("a mention".to_owned());
    }
    let title = text.lines().find(|line| line.trim_start_matches('#').trim() == "PASS");
    title.map(|_| "a heading of others".to_owned())
}

/// A cell that a spreadsheet would compute: one that begins with a sign of formulas and is no number.
pub(crate) fn formula(path: &Path, text: &str) -> Option<String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    for record in reader.records() {
        let record = record.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let live = |cell: &&str| {
            let number = cell.parse::<f64>().is_ok_and(f64::is_finite);
            cell.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r']) && !number
        };
        if let Some(cell) = record.iter().find(live) {
            return Some(cell.to_owned());
        }
    }
    None
}

#[test]
fn what_is_live_is_found() {
    assert!(control("a\u{1b}[2J").is_some() && control("a\u{202e}").is_some() && control("x\n::error::y").is_some());
    assert_eq!(control("plain text\nof two lines"), None);
    for page in [
        "<p onclick='x'>",
        "<a href=javascript:x>",
        "<a href=\" JavaScript:x\">",
        "<img src=x onerror=y>",
        "<svg/onload=x>",
        "<link href=//x>",
        "<p style=\"background:url(//x)\">",
        "<script>x</script>",
        "<meta http-equiv=refresh content=0>",
        "<a title=\"<\" href='http://x'>",
    ] {
        assert!(in_page(page, false).is_some(), "{page}");
    }
    assert_eq!(in_page("<p title='<b onclick=x>'>a &lt;script&gt; <a href=\"#b\">", false), None);
    for text in
        ["<img src=x>", "[a](http://x)", "see https://x", "@me", "a www.x.com", "# PASS", "<!-- x", "<details open>"]
    {
        assert!(in_markdown(text).is_some(), "{text}");
    }
    assert_eq!(in_markdown("a &lt;b> ![chart](charts/a.svg) 3.00 @ 3 GHz `http://x`\n<details>"), None);
    let formula = |text: &str| formula(Path::new("x"), text);
    for cell in ["=1", "+1+1", "-1-1", "@SUM(1)", "\"\t=1\"", "a,-x"] {
        assert!(formula(cell).is_some(), "{cell}");
    }
    assert_eq!(formula("-1.5,+2,'=1,a-b,\"'-x\""), None);
}
