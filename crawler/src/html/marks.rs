//! What shows through in a page that a visitor should never see.

/// Left-over template syntax; legitimate inside code samples, so looked for in running text only.
const TEMPLATE: [&str; 4] = ["{{ ", "{% ", "<%= ", "TEMPLATE_STRING_IF_INVALID"];

/// Words of a program that fell over; looked for in samples as well, where they are usually printed.
const FALLEN: [&str; 3] =
    ["Traceback (most recent call last)", "Internal Server Error", "TemplateSyntaxError at "];

/// The first mark that shows in the running text, or in the text of code samples.
pub(crate) fn marker(running: &str, samples: &str) -> Option<&'static str> {
    let template = TEMPLATE.into_iter().find(|mark| running.contains(mark));
    template.or_else(|| FALLEN.into_iter().find(|mark| running.contains(mark) || samples.contains(mark)))
}

/// True for a page that a framework shows only while debugging.
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
        assert_eq!(marker("Hello {{ user }}", ""), Some("{{ "));
        assert_eq!(marker("", "{{ user }}"), None);
        assert_eq!(marker("", "Traceback (most recent call last):"), Some(FALLEN[0]));
        assert_eq!(marker("a book about errors", "code"), None);
    }

    #[test]
    fn debug_pages_are_known_and_ordinary_pages_are_not() {
        assert!(is_debug_page(
            "<p>You're seeing this error because you have <code>DEBUG = True</code> in your Django settings file.</p>"
        ));
        assert!(!is_debug_page("<p>Learn Django in a day: set DEBUG = False.</p>"));
    }
}
