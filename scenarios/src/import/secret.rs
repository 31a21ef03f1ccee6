//! Recognizes secrets by name, so that they are not written into files that people share.

pub(super) use kneepoint_model::secret::may_be_secret as is_secret_name;

/// True when a query parameter of the target has the name of a secret.
pub(super) fn query_has_secret(target: &str) -> bool {
    let Some((_, query)) = target.split_once('?') else { return false };
    let query = query.split('#').next().unwrap_or_default();
    query.split(['&', ';']).any(|pair| is_secret_name(pair.split('=').next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_a_query_are_recognized_by_name() {
        assert!(
            query_has_secret("/reset/?uid=7&token=abc")
                && !query_has_secret("/books/?author=token")
                && !query_has_secret("/token/")
        );
    }
}
