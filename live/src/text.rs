//! Untrusted text (page titles, endpoint names, error bodies) made safe for a terminal.

/// Removes control characters, so that text from the site cannot move the cursor or change colours.
pub fn strip_control_chars(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_title_cannot_drive_the_terminal() {
        assert_eq!(strip_control_chars("a\u{1b}[2Jb\r\nc\u{9b}d"), "a[2Jbcd");
    }
}
