//! What looks like a secret, by its name: it is not written into files that are passed around.

pub(super) use kneepoint_model::secret::may_be_secret as is_secret_name;

/// Whether the query of a target has a secret in it.
pub(super) fn in_query(target: &str) -> bool {
    let Some((_, query)) = target.split_once('?') else { return false };
    let query = query.split('#').next().unwrap_or_default();
    query.split(['&', ';']).any(|pair| is_secret_name(pair.split('=').next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_a_query_are_told_by_their_names() {
        assert!(
            in_query("/reset/?uid=7&token=abc") && !in_query("/books/?author=token") && !in_query("/token/")
        );
    }
}
