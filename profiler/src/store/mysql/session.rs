//! Connection to a MySQL server: plain TCP, every wait bounded, every statement of kneepoint counted.

use std::net::ToSocketAddrs;
use std::time::Duration;

use kneepoint_model::text::{clip, collapsed_line};
use mysql::prelude::Queryable;
use mysql::{Conn, Error, Opts, OptsBuilder, Value};

use super::table::ResultTable;
use crate::store::Gap;
use crate::store::plan::Secret;

/// Longest wait for one packet of a result.
const READ_TIMEOUT: Duration = Duration::from_secs(3);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest text of one cell; queries cut longer statements, so this only bounds a hostile server.
const MAX_CELL: usize = 64 * 1024;
/// Most rows of one result.
const MAX_ROWS: usize = 50_000;
/// Longest accepted packet, in bytes.
const MAX_PACKET: usize = 4 << 20;

/// Connects on the first query, and again after the connection broke.
pub(super) struct MysqlSession {
    opts: Opts,
    address: String,
    user: String,
    conn: Option<Conn>,
    /// Statements sent so far, as the server counts them.
    pub(super) own_questions: u64,
    /// Connections opened so far.
    pub(super) own_connections: u64,
}

impl std::fmt::Debug for MysqlSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("address", &self.address).finish_non_exhaustive()
    }
}

impl MysqlSession {
    /// Does not connect yet. `schema` is the connection's default schema, which separates kneepoint's statements
    /// from the site's.
    pub(super) fn new(
        address: &str,
        user: &str,
        password: Option<&Secret>,
        schema: &str,
    ) -> Result<Self, Gap> {
        let (host, port) = host_and_port(address)?;
        let opts = OptsBuilder::new()
            .ip_or_hostname(Some(host))
            .tcp_port(port)
            .prefer_socket(false)
            .user(Some(user))
            .pass(password.map(Secret::reveal))
            .db_name(Some(schema))
            .tcp_connect_timeout(Some(CONNECT_TIMEOUT))
            .read_timeout(Some(READ_TIMEOUT))
            .write_timeout(Some(READ_TIMEOUT))
            .max_allowed_packet(Some(MAX_PACKET))
            .stmt_cache_size(0)
            .local_infile_handler(None);
        let (address, user) = (address.to_owned(), user.to_owned());
        Ok(Self { opts: opts.into(), address, user, conn: None, own_questions: 0, own_connections: 0 })
    }

    /// Runs one statement; a broken connection is dropped, a refused statement keeps it.
    pub(super) fn query(&mut self, statement: &str) -> Result<ResultTable, Gap> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.connect()?,
        };
        self.own_questions += 1;
        let response = run_query(&mut conn, statement);
        if !matches!(&response, Err(error) if !matches!(error, Error::MySqlError(_))) {
            self.conn = Some(conn);
        }
        response.map_err(|error| self.describe_error(&error))
    }

    /// Connects, and counts the statements of the handshake.
    fn connect(&mut self) -> Result<Conn, Gap> {
        // The client library waits for ever for a host name that resolves to nothing.
        self.address.to_socket_addrs().map_err(|error| self.connection_gap(&error.to_string()))?;
        let mut conn = Conn::new(self.opts.clone()).map_err(|error| self.describe_error(&error))?;
        self.own_connections += 1;
        let status = run_query(&mut conn, "SHOW SESSION STATUS LIKE 'Questions'").ok();
        let questions =
            status.and_then(|table| table.pairs().next().and_then(|(_, n)| n.parse::<u64>().ok()));
        self.own_questions += questions.unwrap_or(1);
        Ok(conn)
    }

    fn connection_gap(&self, why: &str) -> Gap {
        let why = format!("{} did not respond: {}", self.address, collapsed_line(why, 200));
        Gap::new(why, "check that the server listens there and is reachable from here")
    }

    /// Reason and fix for an error.
    fn describe_error(&self, error: &Error) -> Gap {
        let Error::MySqlError(server_error) = error else { return self.connection_gap(&error.to_string()) };
        let user = &self.user;
        let why = format!(
            "the server reported: {} ({})",
            collapsed_line(&server_error.message, 200),
            server_error.code
        );
        let fix = match server_error.code {
            1040 => "raise max_connections, or lower workers × threads".to_owned(),
            1044 | 1045 | 1698 => {
                format!("allow `{user}` to connect from this host with the configured password")
            }
            1142 | 1227 | 1370 => {
                format!("GRANT SELECT ON performance_schema.* TO `{user}`; GRANT PROCESS ON *.* TO `{user}`")
            }
            3159 | 4031 => "allow this user to connect without TLS from this address".to_owned(),
            _ => "run the statement manually as the same user".to_owned(),
        };
        Gap::new(why, fix)
    }
}

fn run_query(conn: &mut Conn, statement: &str) -> Result<ResultTable, Error> {
    let mut result = conn.query_iter(statement)?;
    let columns = result.columns().as_ref().iter().map(|column| column.name_str().into_owned()).collect();
    let mut rows = Vec::new();
    for row in result.by_ref() {
        let cells = row?.unwrap_raw();
        if rows.len() < MAX_ROWS {
            rows.push(cells.into_iter().map(|cell| cell.and_then(cell_text)).collect());
        }
    }
    Ok(ResultTable { columns, rows })
}

/// The text protocol sends text; invalid UTF-8 is replaced.
fn cell_text(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(clip(&String::from_utf8_lossy(&bytes), MAX_CELL).to_owned()),
        Value::Int(n) => Some(n.to_string()),
        Value::UInt(n) => Some(n.to_string()),
        Value::Float(n) => Some(n.to_string()),
        Value::Double(n) => Some(n.to_string()),
        other @ (Value::Date(..) | Value::Time(..)) => Some(other.as_sql(true)),
    }
}

fn host_and_port(address: &str) -> Result<(&str, u16), Gap> {
    let parts = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let (host, port) = parts.filter(|(host, _)| !host.is_empty()).ok_or_else(|| {
        Gap::new(format!("`{address}` is not an address"), "write it as host:port, e.g. 127.0.0.1:3306")
    })?;
    Ok((host.trim_matches(['[', ']']), port))
}

/// Quotes a text as an SQL literal.
pub(super) fn quote_literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for c in text.chars() {
        match c {
            '\'' => quoted.push_str("''"),
            '\\' => quoted.push_str("\\\\"),
            _ => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_literals() {
        assert_eq!(host_and_port("[::1]:3306").unwrap(), ("::1", 3306));
        assert!(host_and_port("localhost").unwrap_err().fix.contains("127.0.0.1:3306"));
        assert!(host_and_port(":1").is_err() && host_and_port("a:b").is_err());
        assert_eq!(quote_literal("a'b\\c"), "'a''b\\\\c'");
    }

    #[test]
    fn a_silent_server_is_abandoned() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut session = MysqlSession::new(&address, "root", None, "performance_schema").unwrap();
        let started = std::time::Instant::now();
        let gap = session.query("SELECT 1").unwrap_err();
        assert!(started.elapsed() < READ_TIMEOUT + Duration::from_secs(2), "{:?}", started.elapsed());
        assert!(gap.why.contains(&address) && session.conn.is_none(), "{gap:?}");
    }
}
