//! Parses the bytes of a feed file into rows, without any I/O. Errors contain the line.

use std::fmt;

use kneepoint_model::text::single_line;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::table::{MAX_SHOWN, Table, TableBuilder};

/// Longest message of a parser that an error contains, in characters.
const MAX_MESSAGE: usize = 200;

/// File formats of feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FeedFormat {
    /// RFC 4180 with a header line; all values are texts.
    Csv,
    /// One array of flat objects.
    Json,
    /// One flat object per line.
    JsonLines,
}

impl FeedFormat {
    /// The format by the file extension; `None` for an unknown one.
    pub(crate) fn from_path(path: &str) -> Option<Self> {
        let (_, extension) = path.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            _ => None,
        }
    }
}

/// Why a feed file is invalid, and in which line when that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FeedError {
    pub(crate) line: Option<u64>,
    pub(crate) problem: String,
}

impl FeedError {
    fn new(line: Option<u64>, problem: impl Into<String>) -> Self {
        Self { line, problem: problem.into() }
    }
}

/// Parses a feed file; a byte order mark is ignored.
pub(crate) fn read_table(bytes: &[u8], format: FeedFormat) -> Result<Table, FeedError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match format {
        FeedFormat::Csv => read_csv(bytes),
        FeedFormat::Json => read_json(bytes),
        FeedFormat::JsonLines => read_json_lines(bytes),
    }
}

fn read_csv(bytes: &[u8]) -> Result<Table, FeedError> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::None).from_reader(bytes);
    let mut builder: Option<TableBuilder> = None;
    let mut record = csv::StringRecord::new();
    loop {
        let more = reader.read_record(&mut record).map_err(|error| {
            let line = error.position().map(csv::Position::line);
            match error.kind() {
                csv::ErrorKind::Utf8 { .. } => FeedError::new(line, "is not UTF-8"),
                _ => FeedError::new(line, single_line(&error.to_string(), MAX_SHOWN)),
            }
        })?;
        if !more {
            break;
        }
        let line = record.position().map(csv::Position::line);
        let at_line = |problem: String| FeedError::new(line, problem);
        let Some(rows) = &mut builder else {
            let names = record.iter().map(|name| name.trim().to_owned()).collect();
            builder = Some(TableBuilder::new(names).map_err(at_line)?);
            continue;
        };
        if record.len() != rows.columns().len() {
            let problem =
                format!("has {} values, and the header has {} columns", record.len(), rows.columns().len());
            return Err(at_line(problem));
        }
        for cell in &record {
            rows.push_cell(cell, false).map_err(at_line)?;
        }
    }
    let empty = || FeedError::new(None, "is empty: a header and at least one row are needed");
    builder.ok_or_else(empty)?.finish().map_err(|problem| FeedError::new(None, problem))
}

fn read_json(bytes: &[u8]) -> Result<Table, FeedError> {
    let mut rows = ObjectRows::default();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = rows.deserialize(&mut reader).and_then(|()| reader.end());
    read.map_err(|error| convert_json_error(&error, 0))?;
    rows.finish()
}

fn read_json_lines(bytes: &[u8]) -> Result<Table, FeedError> {
    let mut rows = ObjectRows::default();
    for (number, line) in (0..).zip(bytes.split(|byte| *byte == b'\n')) {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let row =
            serde_json::from_slice::<ObjectRow>(line).map_err(|error| convert_json_error(&error, number))?;
        rows.add(row).map_err(|problem| FeedError::new(Some(number + 1), problem))?;
    }
    rows.finish()
}

/// The error of the JSON parser, with its line in the whole file: `lines_before` lines are not part of its input.
fn convert_json_error(error: &serde_json::Error, lines_before: u64) -> FeedError {
    let whole = error.to_string();
    // `FeedError` has a separate field for the line.
    let message = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(message, _)| message);
    let line = error.line() as u64;
    FeedError::new((line > 0).then_some(lines_before + line), single_line(message, MAX_MESSAGE))
}

/// A table built from objects; the first object defines the columns.
#[derive(Default)]
struct ObjectRows(Option<TableBuilder>);

impl ObjectRows {
    fn add(&mut self, ObjectRow(cells): ObjectRow) -> Result<(), String> {
        let rows = match &mut self.0 {
            Some(rows) => rows,
            none => none.insert(TableBuilder::new(cells.iter().map(|(name, _)| name.clone()).collect())?),
        };
        for at in 0..rows.columns().len() {
            let name = &rows.columns()[at];
            // Fast path: most files keep the key order of the first row.
            let in_order = cells.get(at).filter(|(key, _)| key == name);
            let Some((_, cell)) = in_order.or_else(|| cells.iter().find(|(key, _)| key == name)) else {
                return Err(format!(
                    "the row has no `{}`, which the first row has",
                    single_line(name, MAX_SHOWN)
                ));
            };
            rows.push_cell(&cell.text, cell.is_number)?;
        }
        if cells.len() > rows.columns().len() {
            let extra = cells.iter().find(|(key, _)| !rows.columns().contains(key));
            let name = extra.map_or("a column", |(name, _)| name.as_str());
            return Err(format!(
                "the row has `{}`, which the first row does not have",
                single_line(name, MAX_SHOWN)
            ));
        }
        Ok(())
    }

    fn finish(self) -> Result<Table, FeedError> {
        let empty = || FeedError::new(None, "has no rows");
        self.0.ok_or_else(empty)?.finish().map_err(|problem| FeedError::new(None, problem))
    }
}

impl<'de> DeserializeSeed<'de> for &mut ObjectRows {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut ObjectRows {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(row) = list.next_element::<ObjectRow>()? {
            self.add(row).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

/// One object without duplicate keys.
struct ObjectRow(Vec<(String, Cell)>);

impl<'de> Deserialize<'de> for ObjectRow {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = ObjectRow;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the values of one row")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ObjectRow, A::Error> {
                let mut cells: Vec<(String, Cell)> = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    if cells.len() >= super::table::MAX_COLUMNS {
                        return Err(A::Error::custom(format!(
                            "has more than {} columns",
                            super::table::MAX_COLUMNS
                        )));
                    }
                    if cells.iter().any(|(known, _)| *known == key) {
                        return Err(A::Error::custom(format!(
                            "has the key `{}` twice",
                            single_line(&key, MAX_SHOWN)
                        )));
                    }
                    let cell = map.next_value::<Cell>()?;
                    cells.push((key, cell));
                }
                Ok(ObjectRow(cells))
            }
        }
        reader.deserialize_map(Keys)
    }
}

/// One value as text, and whether JSON had it as a number.
struct Cell {
    text: String,
    is_number: bool,
}

impl Cell {
    fn from_text(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_number: false }
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl Visitor<'_> for Scalar {
            type Value = Cell;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, true or false (nothing nested, no null)")
            }
            fn visit_str<E>(self, text: &str) -> Result<Cell, E> {
                Ok(Cell::from_text(text))
            }
            fn visit_bool<E>(self, truth: bool) -> Result<Cell, E> {
                Ok(Cell::from_text(truth.to_string()))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Cell, E> {
                Ok(Cell { text: number.to_string(), is_number: true })
            }
            fn visit_u64<E>(self, number: u64) -> Result<Cell, E> {
                Ok(Cell { text: number.to_string(), is_number: i64::try_from(number).is_ok() })
            }
            fn visit_f64<E>(self, number: f64) -> Result<Cell, E> {
                Ok(Cell::from_text(number.to_string()))
            }
        }
        reader.deserialize_any(Scalar)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::Value;

    fn error_text(bytes: &[u8], format: FeedFormat) -> String {
        let error = read_table(bytes, format).expect_err("must be rejected");
        format!("{:?} {}", error.line, error.problem)
    }

    #[test]
    fn the_three_formats_give_the_same_table() {
        let csv = b"\xef\xbb\xbfname, city\nann,\"Bad Aibling, \"\"Kurort\"\"\"\n\nbob,\"two\nlines\"\n";
        let json = br#"[{"name":"ann","city":"Bad Aibling, \"Kurort\""},{"city":"two\nlines","name":"bob"}]"#;
        let lines = b"{\"name\":\"ann\",\"city\":\"Bad Aibling, \\\"Kurort\\\"\"}\r\n\n{\"name\":\"bob\",\"city\":\"two\\nlines\"}";
        for (bytes, kind) in
            [(&csv[..], FeedFormat::Csv), (&json[..], FeedFormat::Json), (&lines[..], FeedFormat::JsonLines)]
        {
            let table = read_table(bytes, kind).unwrap_or_else(|error| panic!("{kind:?}: {error:?}"));
            assert_eq!((table.columns(), table.rows()), (&["name".to_owned(), "city".to_owned()][..], 2));
            assert_eq!(table.value(0, 1), Value::Text("Bad Aibling, \"Kurort\"".into()), "{kind:?}");
            assert_eq!(
                (table.value(1, 0), table.value(1, 1)),
                (Value::Text("bob".into()), Value::Text("two\nlines".into()))
            );
        }
    }

    #[test]
    fn numbers_of_json_stay_numbers_and_those_of_csv_stay_as_written() {
        let json =
            read_table(br#"[{"a":7,"b":-1,"c":1.5,"d":true,"e":18446744073709551615}]"#, FeedFormat::Json)
                .expect("one row");
        let values: Vec<Value> = (0..5).map(|column| json.value(0, column)).collect();
        let text = |text: &str| Value::Text(text.into());
        assert_eq!(
            values,
            [Value::Number(7), Value::Number(-1), text("1.5"), text("true"), text("18446744073709551615")]
        );
        assert_eq!(read_table(b"id\n007\n", FeedFormat::Csv).expect("one row").value(0, 0), text("007"));
    }

    #[test]
    fn invalid_files_are_rejected_with_the_line() {
        let long = format!("a\n{}\n", "x".repeat(70_000));
        let wide = vec!["a"; 300].join(",");
        let cases: &[(&[u8], FeedFormat, &str)] = &[
            (b"", FeedFormat::Csv, "None is empty"),
            (b"a,b\n", FeedFormat::Csv, "None has no rows"),
            (b"a,b\n1,2\n3\n", FeedFormat::Csv, "Some(3) has 1 values, and the header has 2 columns"),
            (b"a,b\n\"1\n\",2\n3,4,5\n", FeedFormat::Csv, "Some(4) has 3 values"),
            (b"a,a\n1,2\n", FeedFormat::Csv, "Some(1) has the column `a` twice"),
            (b"a, \n1,2\n", FeedFormat::Csv, "Some(1) column 2 has no name"),
            (b"a\nx\n\xff\n", FeedFormat::Csv, "Some(3) is not UTF-8"),
            (long.as_bytes(), FeedFormat::Csv, "Some(2) has a value of 70000 bytes"),
            (wide.as_bytes(), FeedFormat::Csv, "Some(1) has 300 columns"),
            (b"[]", FeedFormat::Json, "None has no rows"),
            (b"{\"a\":1}", FeedFormat::Json, "Some(1) invalid type: map, expected an array of objects"),
            (b"[\n{\"a\":1},\n{\"b\":1}]", FeedFormat::Json, "Some(3) the row has no `a`"),
            (b"[\n{\"a\":1},\n{\"a\":1,\"b\":2}]", FeedFormat::Json, "Some(3) the row has `b`"),
            (b"[{\"a\":[1]}]", FeedFormat::Json, "Some(1) invalid type: sequence, expected a text"),
            (b"[{\"a\":null}]", FeedFormat::Json, "Some(1) invalid type: null"),
            (b"[{\"a\":1,\"a\":2}]", FeedFormat::Json, "Some(1) has the key `a` twice"),
            (b"[{}]", FeedFormat::Json, "has 0 columns"),
            (b"[{\"a\":1}] x", FeedFormat::Json, "Some(1) trailing characters"),
            (b"{\"a\":1}\n\n{\"a\":{}}", FeedFormat::JsonLines, "Some(3) invalid type: map"),
            (b"{\"a\":1}\n{\"a\":\"\xff\"}", FeedFormat::JsonLines, "Some(2) "),
        ];
        for (bytes, kind, expected) in cases {
            let message = error_text(bytes, *kind);
            assert!(message.contains(expected), "{expected} is not in: {message}");
        }
    }

    #[test]
    fn too_many_rows_are_rejected() {
        let many = "a\n".repeat(1_000_002);
        assert!(
            error_text(many.as_bytes(), FeedFormat::Csv).contains("Some(1000002) has more than 1000000 rows")
        );
    }

    proptest! {
        #[test]
        fn any_cells_written_as_csv_are_read_back(rows in prop::collection::vec(prop::collection::vec("[^\r]{0,12}", 3), 1..20)) {
            let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
            writer.write_record(["a", "b", "c"]).expect("memory");
            for row in &rows {
                writer.write_record(row).expect("memory");
            }
            let table = read_table(&writer.into_inner().expect("memory"), FeedFormat::Csv).expect("valid");
            prop_assert_eq!(table.rows(), rows.len() as u64);
            for (at, row) in rows.iter().enumerate() {
                for (column, cell) in row.iter().enumerate() {
                    prop_assert_eq!(table.value(at as u64, column), Value::Text(cell.clone()));
                }
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for kind in [FeedFormat::Csv, FeedFormat::Json, FeedFormat::JsonLines] {
                drop(read_table(&bytes, kind));
            }
        }
    }
}
