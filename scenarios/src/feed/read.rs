//! From the bytes of a file to rows. Pure; a refusal tells the line.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::table::{Builder, Table, shown};

/// How the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// RFC 4180, with a header; all values are texts.
    Csv,
    /// An array of objects.
    Json,
    /// An object a line.
    JsonLines,
}

impl Kind {
    /// By the ending of a file's name.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let (_, ending) = path.rsplit_once('.')?;
        match ending.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            _ => None,
        }
    }
}

/// What is wrong with a file, and in which line when that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadRows {
    pub(crate) line: Option<u64>,
    pub(crate) problem: String,
}

impl BadRows {
    fn new(line: Option<u64>, problem: impl Into<String>) -> Self {
        Self { line, problem: problem.into() }
    }
}

/// Reads a file.
pub(crate) fn read(bytes: &[u8], kind: Kind) -> Result<Table, BadRows> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match kind {
        Kind::Csv => csv(bytes),
        Kind::Json => json(bytes),
        Kind::JsonLines => json_lines(bytes),
    }
}

fn csv(bytes: &[u8]) -> Result<Table, BadRows> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::None).from_reader(bytes);
    let mut builder: Option<Builder> = None;
    let mut record = csv::StringRecord::new();
    loop {
        let more = reader.read_record(&mut record).map_err(|error| {
            let line = error.position().map(csv::Position::line);
            match error.kind() {
                csv::ErrorKind::Utf8 { .. } => BadRows::new(line, "is not UTF-8"),
                _ => BadRows::new(line, shown(&error.to_string())),
            }
        })?;
        if !more {
            break;
        }
        let line = record.position().map(csv::Position::line);
        let refuse = |problem: String| BadRows::new(line, problem);
        let Some(rows) = &mut builder else {
            let names = record.iter().map(|name| name.trim().to_owned()).collect();
            builder = Some(Builder::new(names).map_err(refuse)?);
            continue;
        };
        if record.len() != rows.columns().len() {
            let problem =
                format!("has {} values, and the header has {} columns", record.len(), rows.columns().len());
            return Err(refuse(problem));
        }
        for cell in &record {
            rows.cell(cell, false).map_err(refuse)?;
        }
    }
    let nothing = || BadRows::new(None, "is empty: a header and at least one row are needed");
    builder.ok_or_else(nothing)?.done().map_err(|problem| BadRows::new(None, problem))
}

fn json(bytes: &[u8]) -> Result<Table, BadRows> {
    let mut rows = Rows::default();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = rows.deserialize(&mut reader).and_then(|()| reader.end());
    read.map_err(|error| said(&error, 0))?;
    rows.done()
}

fn json_lines(bytes: &[u8]) -> Result<Table, BadRows> {
    let mut rows = Rows::default();
    for (number, line) in (0..).zip(bytes.split(|byte| *byte == b'\n')) {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let row = serde_json::from_slice::<Row>(line).map_err(|error| said(&error, number))?;
        rows.add(row).map_err(|problem| BadRows::new(Some(number + 1), problem))?;
    }
    rows.done()
}

/// What the parser said, with the line; `before` lines were read by others.
fn said(error: &serde_json::Error, before: u64) -> BadRows {
    let whole = error.to_string();
    // The place is told apart.
    let words = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(words, _)| words);
    let line = error.line() as u64;
    BadRows::new((line > 0).then_some(before + line), shown_long(words))
}

fn shown_long(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

/// Rows of objects: the first says which columns there are.
#[derive(Default)]
struct Rows(Option<Builder>);

impl Rows {
    fn add(&mut self, Row(cells): Row) -> Result<(), String> {
        let rows = match &mut self.0 {
            Some(rows) => rows,
            none => none.insert(Builder::new(cells.iter().map(|(name, _)| name.clone()).collect())?),
        };
        for at in 0..rows.columns().len() {
            let name = &rows.columns()[at];
            // Most files keep the order of the first row.
            let same = cells.get(at).filter(|(own, _)| own == name);
            let Some((_, cell)) = same.or_else(|| cells.iter().find(|(own, _)| own == name)) else {
                return Err(format!("the row lacks `{}`, which the first row has", shown(name)));
            };
            rows.cell(&cell.text, cell.is_number)?;
        }
        if cells.len() > rows.columns().len() {
            let strange = cells.iter().find(|(own, _)| !rows.columns().contains(own));
            let name = strange.map_or("a column", |(name, _)| name.as_str());
            return Err(format!("the row has `{}`, which the first row has not", shown(name)));
        }
        Ok(())
    }

    fn done(self) -> Result<Table, BadRows> {
        let nothing = || BadRows::new(None, "has no rows");
        self.0.ok_or_else(nothing)?.done().map_err(|problem| BadRows::new(None, problem))
    }
}

impl<'de> DeserializeSeed<'de> for &mut Rows {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut Rows {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(row) = list.next_element::<Row>()? {
            self.add(row).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

/// One object; no key twice.
struct Row(Vec<(String, Cell)>);

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Row;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the values of one row")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut cells: Vec<(String, Cell)> = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    if cells.len() >= super::table::MOST_COLUMNS {
                        return Err(A::Error::custom(format!(
                            "has more than {} columns",
                            super::table::MOST_COLUMNS
                        )));
                    }
                    if cells.iter().any(|(own, _)| *own == key) {
                        return Err(A::Error::custom(format!("has the key `{}` twice", shown(&key))));
                    }
                    let cell = map.next_value::<Cell>()?;
                    cells.push((key, cell));
                }
                Ok(Row(cells))
            }
        }
        reader.deserialize_map(Keys)
    }
}

/// One value, as text.
struct Cell {
    text: String,
    is_number: bool,
}

impl Cell {
    fn text(text: impl Into<String>) -> Self {
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
                Ok(Cell::text(text))
            }
            fn visit_bool<E>(self, truth: bool) -> Result<Cell, E> {
                Ok(Cell::text(truth.to_string()))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Cell, E> {
                Ok(Cell { text: number.to_string(), is_number: true })
            }
            fn visit_u64<E>(self, number: u64) -> Result<Cell, E> {
                Ok(Cell { text: number.to_string(), is_number: i64::try_from(number).is_ok() })
            }
            fn visit_f64<E>(self, number: f64) -> Result<Cell, E> {
                Ok(Cell::text(number.to_string()))
            }
        }
        reader.deserialize_any(Scalar)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::Value;

    fn refused(bytes: &[u8], kind: Kind) -> String {
        let bad = read(bytes, kind).expect_err("must be refused");
        format!("{:?} {}", bad.line, bad.problem)
    }

    #[test]
    fn the_three_kinds_say_the_same() {
        let csv = b"\xef\xbb\xbfname, city\nann,\"Bad Aibling, \"\"Kurort\"\"\"\n\nbob,\"two\nlines\"\n";
        let json = br#"[{"name":"ann","city":"Bad Aibling, \"Kurort\""},{"city":"two\nlines","name":"bob"}]"#;
        let lines = b"{\"name\":\"ann\",\"city\":\"Bad Aibling, \\\"Kurort\\\"\"}\r\n\n{\"name\":\"bob\",\"city\":\"two\\nlines\"}";
        for (bytes, kind) in [(&csv[..], Kind::Csv), (&json[..], Kind::Json), (&lines[..], Kind::JsonLines)] {
            let table = read(bytes, kind).unwrap_or_else(|bad| panic!("{kind:?}: {bad:?}"));
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
        let json = read(br#"[{"a":7,"b":-1,"c":1.5,"d":true,"e":18446744073709551615}]"#, Kind::Json)
            .expect("one row");
        let values: Vec<Value> = (0..5).map(|column| json.value(0, column)).collect();
        let text = |text: &str| Value::Text(text.into());
        assert_eq!(
            values,
            [Value::Number(7), Value::Number(-1), text("1.5"), text("true"), text("18446744073709551615")]
        );
        assert_eq!(read(b"id\n007\n", Kind::Csv).expect("one row").value(0, 0), text("007"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_line() {
        let long = format!("a\n{}\n", "x".repeat(70_000));
        let wide = vec!["a"; 300].join(",");
        let cases: &[(&[u8], Kind, &str)] = &[
            (b"", Kind::Csv, "None is empty"),
            (b"a,b\n", Kind::Csv, "None has no rows"),
            (b"a,b\n1,2\n3\n", Kind::Csv, "Some(3) has 1 values, and the header has 2 columns"),
            (b"a,b\n\"1\n\",2\n3,4,5\n", Kind::Csv, "Some(4) has 3 values"),
            (b"a,a\n1,2\n", Kind::Csv, "Some(1) has the column `a` twice"),
            (b"a, \n1,2\n", Kind::Csv, "Some(1) column 2 has no name"),
            (b"a\nx\n\xff\n", Kind::Csv, "Some(3) is not UTF-8"),
            (long.as_bytes(), Kind::Csv, "Some(2) has a value of 70000 bytes"),
            (wide.as_bytes(), Kind::Csv, "Some(1) has 300 columns"),
            (b"[]", Kind::Json, "None has no rows"),
            (b"{\"a\":1}", Kind::Json, "Some(1) invalid type: map, expected an array of objects"),
            (b"[\n{\"a\":1},\n{\"b\":1}]", Kind::Json, "Some(3) the row lacks `a`"),
            (b"[\n{\"a\":1},\n{\"a\":1,\"b\":2}]", Kind::Json, "Some(3) the row has `b`"),
            (b"[{\"a\":[1]}]", Kind::Json, "Some(1) invalid type: sequence, expected a text"),
            (b"[{\"a\":null}]", Kind::Json, "Some(1) invalid type: null"),
            (b"[{\"a\":1,\"a\":2}]", Kind::Json, "Some(1) has the key `a` twice"),
            (b"[{}]", Kind::Json, "has 0 columns"),
            (b"[{\"a\":1}] x", Kind::Json, "Some(1) trailing characters"),
            (b"{\"a\":1}\n\n{\"a\":{}}", Kind::JsonLines, "Some(3) invalid type: map"),
            (b"{\"a\":1}\n{\"a\":\"\xff\"}", Kind::JsonLines, "Some(2) "),
        ];
        for (bytes, kind, expected) in cases {
            let said = refused(bytes, *kind);
            assert!(said.contains(expected), "{expected} is not in: {said}");
        }
    }

    #[test]
    fn more_rows_than_can_be_held_are_refused() {
        let many = "a\n".repeat(1_000_002);
        assert!(refused(many.as_bytes(), Kind::Csv).contains("Some(1000002) has more than 1000000 rows"));
    }

    proptest! {
        #[test]
        fn any_cells_written_as_csv_are_read_back(rows in prop::collection::vec(prop::collection::vec("[^\r]{0,12}", 3), 1..20)) {
            let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
            writer.write_record(["a", "b", "c"]).expect("memory");
            for row in &rows {
                writer.write_record(row).expect("memory");
            }
            let table = read(&writer.into_inner().expect("memory"), Kind::Csv).expect("valid");
            prop_assert_eq!(table.rows(), rows.len() as u64);
            for (at, row) in rows.iter().enumerate() {
                for (column, cell) in row.iter().enumerate() {
                    prop_assert_eq!(table.value(at as u64, column), Value::Text(cell.clone()));
                }
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for kind in [Kind::Csv, Kind::Json, Kind::JsonLines] {
                drop(read(&bytes, kind));
            }
        }
    }
}
