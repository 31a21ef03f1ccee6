//! The thin rim: one connection, plain TCP, every wait bounded, every statement of ours counted.

use std::net::ToSocketAddrs;
use std::time::Duration;

use mysql::prelude::Queryable;
use mysql::{Conn, Error, Opts, OptsBuilder, Value};

use super::table::Table;
use crate::source::one_line;
use crate::store::plan::Secret;
use crate::store::{Gap, sql};

/// Longest wait for one packet of an answer.
const READ: Duration = Duration::from_secs(3);
const CONNECT: Duration = Duration::from_secs(1);
/// Longest text of one cell; longer statements are cut when asked for, so this only keeps a hostile server in bounds.
const MAX_CELL: usize = 64 * 1024;
/// Most rows of one answer.
const MAX_ROWS: usize = 50_000;
/// No honest packet is longer.
const MAX_PACKET: usize = 4 << 20;

/// A connection that is opened when first asked, and again after it broke.
pub(super) struct Session {
    opts: Opts,
    address: String,
    user: String,
    conn: Option<Conn>,
    /// Statements sent so far, as the server counts them.
    pub(super) own_questions: u64,
    /// Connections made so far.
    pub(super) own_connections: u64,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Session {
    /// Opens nothing yet. `schema` is what the connection stands in: our own statements are told from the site's by it.
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
            .tcp_connect_timeout(Some(CONNECT))
            .read_timeout(Some(READ))
            .write_timeout(Some(READ))
            .max_allowed_packet(Some(MAX_PACKET))
            .stmt_cache_size(0)
            .local_infile_handler(None);
        let (address, user) = (address.to_owned(), user.to_owned());
        Ok(Self { opts: opts.into(), address, user, conn: None, own_questions: 0, own_connections: 0 })
    }

    /// Asks one statement; a connection that broke is given up, a statement that was refused is not.
    pub(super) fn ask(&mut self, statement: &str) -> Result<Table, Gap> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.connect()?,
        };
        self.own_questions += 1;
        let answer = ask(&mut conn, statement);
        if !matches!(&answer, Err(error) if !matches!(error, Error::MySqlError(_))) {
            self.conn = Some(conn);
        }
        answer.map_err(|error| self.explain(&error))
    }

    /// Connects, and notes what the greeting itself cost in statements.
    fn connect(&mut self) -> Result<Conn, Gap> {
        // The client library waits for ever for a name to be resolved to nothing.
        self.address.to_socket_addrs().map_err(|error| self.gap(&error.to_string()))?;
        let mut conn = Conn::new(self.opts.clone()).map_err(|error| self.explain(&error))?;
        self.own_connections += 1;
        let said = ask(&mut conn, "SHOW SESSION STATUS LIKE 'Questions'").ok();
        let said = said.and_then(|table| table.pairs().next().and_then(|(_, n)| n.parse::<u64>().ok()));
        self.own_questions += said.unwrap_or(1);
        Ok(conn)
    }

    fn gap(&self, why: &str) -> Gap {
        let why = format!("{} did not answer: {}", self.address, one_line(why, 200));
        Gap::new(why, "check that the server listens there and may be reached from here")
    }

    /// What went wrong and what mends it.
    fn explain(&self, error: &Error) -> Gap {
        let Error::MySqlError(said) = error else { return self.gap(&error.to_string()) };
        let user = &self.user;
        let why = format!("the server said: {} ({})", one_line(&said.message, 200), said.code);
        let fix = match said.code {
            1040 => "raise max_connections, or lower workers × threads".to_owned(),
            1044 | 1045 | 1698 => format!("let `{user}` connect from here, with the password that is given"),
            1142 | 1227 | 1370 => {
                format!("GRANT SELECT ON performance_schema.* TO `{user}`; GRANT PROCESS ON *.* TO `{user}`")
            }
            3159 | 4031 => "let this user connect without TLS from this address".to_owned(),
            _ => "run the statement by hand with the same user".to_owned(),
        };
        Gap::new(why, fix)
    }
}

fn ask(conn: &mut Conn, statement: &str) -> Result<Table, Error> {
    let mut result = conn.query_iter(statement)?;
    let columns = result.columns().as_ref().iter().map(|column| column.name_str().into_owned()).collect();
    let mut rows = Vec::new();
    for row in result.by_ref() {
        let cells = row?.unwrap_raw();
        if rows.len() < MAX_ROWS {
            rows.push(cells.into_iter().map(|cell| cell.and_then(shown)).collect());
        }
    }
    Ok(Table { columns, rows })
}

/// The text protocol sends text; bytes that are none are replaced.
fn shown(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(sql::bound(&String::from_utf8_lossy(&bytes), MAX_CELL).0),
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
        Gap::new(format!("`{address}` is no address"), "write it as host:port, e.g. 127.0.0.1:3306")
    })?;
    Ok((host.trim_matches(['[', ']']), port))
}

/// A text as a literal of SQL.
pub(super) fn literal(text: &str) -> String {
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
        assert_eq!(literal("a'b\\c"), "'a''b\\\\c'");
    }

    #[test]
    fn a_server_that_says_nothing_is_given_up() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut session = Session::new(&address, "root", None, "performance_schema").unwrap();
        let started = std::time::Instant::now();
        let gap = session.ask("SELECT 1").unwrap_err();
        assert!(started.elapsed() < READ + Duration::from_secs(2), "{:?}", started.elapsed());
        assert!(gap.why.contains(&address) && session.conn.is_none(), "{gap:?}");
    }
}
