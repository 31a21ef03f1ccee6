//! Error markers: text that a user must never see in a page.

/// Unrendered template syntax; legitimate inside code samples, so searched for in prose only.
const TEMPLATE_SYNTAX: [&str; 4] = ["{{ ", "{% ", "<%= ", "TEMPLATE_STRING_IF_INVALID"];

/// Output of a crashed program; searched for in code samples as well, where it is usually printed.
const CRASH_TEXTS: [&str; 3] =
    ["Traceback (most recent call last)", "Internal Server Error", "TemplateSyntaxError at "];

/// First marker found in the prose or in the code samples.
pub(crate) fn find_marker(prose: &str, samples: &str) -> Option<&'static str> {
    let template = TEMPLATE_SYNTAX.into_iter().find(|mark| prose.contains(mark));
    template.or_else(|| CRASH_TEXTS.into_iter().find(|mark| prose.contains(mark) || samples.contains(mark)))
}

/// True for a page that a framework shows only in debug mode.
pub(crate) fn is_debug_page(html: &str) -> bool {
    let django = html.contains("DEBUG = True") && html.contains("Django");
    let settings = html.contains("You're seeing this error because you have <code>DEBUG = True</code>");
    let werkzeug = html.contains("Werkzeug") && html.contains("__debugger__");
    let rails = html.contains("Action Controller: Exception caught");
    (django && html.contains("settings")) || settings || werkzeug || rails
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_syntax_counts_in_running_text_only() {
        assert_eq!(find_marker("Hello {{ user }}", ""), Some("{{ "));
        assert_eq!(find_marker("", "{{ user }}"), None);
        assert_eq!(find_marker("", "Traceback (most recent call last):"), Some(CRASH_TEXTS[0]));
        assert_eq!(find_marker("a book about errors", "code"), None);
    }

    #[test]
    fn debug_pages_are_known_and_ordinary_pages_are_not() {
        assert!(is_debug_page(
            "<p>You're seeing this error because you have <code>DEBUG = True</code> in your Django settings file.</p>"
        ));
        assert!(!is_debug_page("<p>Learn Django in a day: set DEBUG = False.</p>"));
    }
}
