//! From services to tiers: all services of one tier become one `TierInfo`. Pure.

use kneepoint_model::stack::{Runtime, TierInfo};
use kneepoint_model::tier::Tier;

/// A tier without processes, addresses and logs; those are filled in where they are known.
pub(super) fn new_tier_info(tier: Tier, what: String, runtime: Runtime) -> TierInfo {
    TierInfo {
        tier,
        what,
        roots: Vec::new(),
        runtime,
        url: None,
        concurrency: None,
        status_url: None,
        pprof_url: None,
        access_log: None,
        logs: Vec::new(),
        instruments: Vec::new(),
        containers: Vec::new(),
    }
}

/// One entry per tier, nearest to the user first.
pub(super) fn merge_tiers<'a>(services: impl Iterator<Item = &'a TierInfo>) -> Vec<TierInfo> {
    let mut services: Vec<TierInfo> = services.cloned().collect();
    // Stable, so that services of one tier keep the order in which they were started.
    services.sort_by_key(|info| info.tier);
    let mut tiers: Vec<(TierInfo, Vec<String>)> = Vec::new();
    for info in services {
        match tiers.last_mut().filter(|(tier, _)| tier.tier == info.tier) {
            Some((tier, descriptions)) => {
                descriptions.push(info.what.clone());
                merge_into(tier, info);
            }
            None => tiers.push((info.clone(), vec![info.what])),
        }
    }
    tiers
        .into_iter()
        .map(|(tier, descriptions)| TierInfo { what: join_descriptions(&descriptions), ..tier })
        .collect()
}

fn merge_into(tier: &mut TierInfo, service: TierInfo) {
    tier.roots.extend(service.roots);
    tier.logs.extend(service.logs);
    tier.instruments.extend(service.instruments);
    tier.containers.extend(service.containers);
    tier.concurrency = match (tier.concurrency, service.concurrency) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    };
    tier.url = tier.url.take().or(service.url);
    tier.status_url = tier.status_url.take().or(service.status_url);
    tier.pprof_url = tier.pprof_url.take().or(service.pprof_url);
    tier.access_log = tier.access_log.take().or(service.access_log);
}

/// `2 × gunicorn …` for the same thing twice, `Redis … + Memcached …` for different ones.
fn join_descriptions(descriptions: &[String]) -> String {
    let mut counted: Vec<(&str, usize)> = Vec::new();
    for what in descriptions {
        match counted.iter_mut().find(|(known, _)| known == what) {
            Some((_, count)) => *count += 1,
            None => counted.push((what, 1)),
        }
    }
    let one = |(what, count): (&str, usize)| {
        if count > 1 { format!("{count} × {what}") } else { what.to_owned() }
    };
    counted.into_iter().map(one).collect::<Vec<_>>().join(" + ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_one_tier_and_their_workers_are_summed() {
        let server = |root: u32| TierInfo {
            roots: vec![root],
            concurrency: Some(2),
            ..new_tier_info(Tier::Server, "gunicorn (2 sync workers)".to_owned(), Runtime::Python)
        };
        let proxy = new_tier_info(Tier::Proxy, "nginx".to_owned(), Runtime::Native);
        let (first, second) = (server(11), server(12));
        let tiers = merge_tiers([&first, &second, &proxy].into_iter());
        assert_eq!(tiers.iter().map(|tier| tier.tier).collect::<Vec<_>>(), [Tier::Proxy, Tier::Server]);
        assert_eq!(tiers[1].what, "2 × gunicorn (2 sync workers)");
        assert_eq!((tiers[1].roots.as_slice(), tiers[1].concurrency), ([11, 12].as_slice(), Some(4)));
    }

    #[test]
    fn different_services_of_a_tier_are_all_named() {
        let redis = new_tier_info(Tier::Cache, "Redis (queue)".to_owned(), Runtime::Native);
        let memcached = new_tier_info(Tier::Cache, "Memcached".to_owned(), Runtime::Native);
        let tiers = merge_tiers([&redis, &memcached].into_iter());
        assert_eq!((tiers.len(), tiers[0].what.as_str()), (1, "Redis (queue) + Memcached"));
        assert_eq!(tiers[0].concurrency, None);
    }
}
