//! pprof's `.pb.gz`: written for `go tool pprof`, Pyroscope and speedscope; read from a tier's endpoint.
//!
//! Writing: one value per sample, in the profile's own unit. Reading: the default sample type, else the last (as
//! pprof itself chooses); a location's first line is the innermost of its inlined functions.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use kneepoint_model::profile::{FoldedProfile, ProfileUnit};
use prost::Message;

use super::frame;
use super::proto::{Function, Location, LocationLine, Profile, Sample, ValueType};
use crate::ProfilerError;

/// Largest decoded profile that is accepted, in bytes.
const MAX_DECODED: u64 = 256 << 20;

/// Encodes and compresses the profile; deterministic.
pub fn render(profile: &FoldedProfile) -> std::io::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&encode(profile).encode_to_vec())?;
    gzip.finish()
}

/// String table; each text is stored once.
struct StringTable {
    strings: Vec<String>,
    index: HashMap<String, i64>,
}

impl StringTable {
    fn intern(&mut self, text: &str) -> i64 {
        if let Some(at) = self.index.get(text) {
            return *at;
        }
        let at = i64::try_from(self.strings.len()).unwrap_or(i64::MAX);
        self.strings.push(text.to_owned());
        self.index.insert(text.to_owned(), at);
        at
    }
}

fn encode(profile: &FoldedProfile) -> Profile {
    // The format requires the empty string first.
    let mut names = StringTable { strings: vec![String::new()], index: HashMap::from([(String::new(), 0)]) };
    let (kind, unit) = match profile.unit {
        ProfileUnit::Samples => ("samples", "count"),
        ProfileUnit::CpuNanos => ("cpu", "nanoseconds"),
        ProfileUnit::WallNanos => ("wall", "nanoseconds"),
    };
    let kind = ValueType { r#type: names.intern(kind), unit: names.intern(unit) };
    let period_type = ValueType { r#type: names.intern("cpu"), unit: names.intern("nanoseconds") };
    let mut encoded = Profile {
        sample_type: vec![kind],
        default_sample_type: kind.r#type,
        period_type: Some(period_type),
        period: 1_000_000_000 / i64::from(profile.facts.hz.max(1)),
        duration_nanos: i64::try_from(profile.facts.duration_ms.saturating_mul(1_000_000))
            .unwrap_or(i64::MAX),
        ..Profile::default()
    };
    let mut ids: HashMap<&str, u64> = HashMap::new();
    for (stack, weight) in &profile.stacks {
        let mut location_id = Vec::new();
        for name in stack.rsplit(';') {
            let next_id = ids.len() as u64 + 1;
            let id = *ids.entry(name).or_insert(next_id);
            if id == next_id && encoded.function.len() as u64 == next_id - 1 {
                let name = names.intern(name);
                encoded.function.push(Function { id, name, system_name: name, filename: 0 });
                encoded.location.push(Location {
                    id,
                    address: 0,
                    line: vec![LocationLine { function_id: id, line: 0 }],
                });
            }
            location_id.push(id);
        }
        encoded.sample.push(Sample { location_id, value: vec![i64::try_from(*weight).unwrap_or(i64::MAX)] });
    }
    encoded.comment = profile.facts.notes.iter().map(|note| names.intern(note)).collect();
    encoded.string_table = names.strings;
    encoded
}

/// Content of a `.pb.gz` (or plain `.pb`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedProfile {
    /// Unit of the weights.
    pub unit: ProfileUnit,
    /// Weight by folded stack, root first.
    pub stacks: BTreeMap<String, u64>,
    /// Number of samples, as counted in the profile or derived from the period.
    pub samples: u64,
    /// Time between two samples in nanoseconds; zero when not reported.
    pub period_ns: u64,
}

/// Decodes a profile.
///
/// # Errors
/// The bytes are not a profile, refer outside their own tables, or exceed 256 MiB when unpacked.
pub fn parse(bytes: &[u8]) -> Result<DecodedProfile, ProfilerError> {
    let unreadable = |why: String| ProfilerError::Unreadable { why };
    let mut plain = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut unzip = GzDecoder::new(bytes).take(MAX_DECODED);
        unzip.read_to_end(&mut plain).map_err(|error| unreadable(format!("gzip: {error}")))?;
    } else {
        plain.extend_from_slice(bytes);
    }
    let profile = Profile::decode(plain.as_slice()).map_err(|error| unreadable(error.to_string()))?;
    decode(&profile).ok_or_else(|| unreadable("it refers outside its own tables".to_owned()))
}

fn decode(profile: &Profile) -> Option<DecodedProfile> {
    let text = |at: i64| profile.string_table.get(usize::try_from(at).ok()?).map(String::as_str);
    let types = &profile.sample_type;
    let default = types
        .iter()
        .position(|kind| profile.default_sample_type != 0 && kind.r#type == profile.default_sample_type);
    let value_column = default.or(types.len().checked_sub(1))?;
    let unit = match (text(types[value_column].r#type)?, text(types[value_column].unit)?) {
        ("wall", "nanoseconds") => ProfileUnit::WallNanos,
        (_, "nanoseconds") => ProfileUnit::CpuNanos,
        _ => ProfileUnit::Samples,
    };
    let functions: HashMap<u64, &str> =
        profile.function.iter().map(|f| Some((f.id, text(f.name)?))).collect::<Option<_>>()?;
    let locations: HashMap<u64, &Location> = profile.location.iter().map(|l| (l.id, l)).collect();
    let counted = types.iter().position(|kind| text(kind.unit) == Some("count"));
    let (mut stacks, mut samples) = (BTreeMap::new(), 0_u64);
    for sample in &profile.sample {
        let value = |at: usize| u64::try_from(*sample.value.get(at)?).ok();
        let mut names = Vec::new();
        for id in sample.location_id.iter().rev() {
            let location = locations.get(id)?;
            // The lines are innermost first, so they are reversed.
            names.extend(
                location
                    .line
                    .iter()
                    .rev()
                    .map(|line| functions.get(&line.function_id).copied().unwrap_or("")),
            );
        }
        let sum: &mut u64 = stacks.entry(frame::join(names)).or_default();
        *sum = sum.saturating_add(value(value_column)?);
        samples = samples.saturating_add(counted.map_or(Some(0), value)?);
    }
    let period_ns = u64::try_from(profile.period).unwrap_or(0);
    if counted.is_none() {
        let whole = stacks.values().fold(0_u64, |sum, weight| sum.saturating_add(*weight));
        samples = whole.checked_div(period_ns).unwrap_or(0);
    }
    stacks.retain(|_, weight| *weight > 0);
    Some(DecodedProfile { unit, stacks, samples, period_ns })
}
