//! goose as it comes, for comparison: `goose_plain get|close|journey http://127.0.0.1:8000 SECONDS USERS`. Prints the requests.
//!
//! Its own client, cookies, metrics; the journey is that of `benchmarks/loadgen/run`: a login that sets a cookie, then fifteen
//! pages whose bodies are read and checked.

#![expect(clippy::print_stdout, reason = "an example that is run by hand shows what it measured")]

use std::error::Error;

use goose::config::GooseConfiguration;
use goose::goose::GooseResponse;
use goose::prelude::*;

async fn get(user: &mut GooseUser) -> TransactionResult {
    read(user.get("/1k.txt").await?, "").await
}

async fn close(user: &mut GooseUser) -> TransactionResult {
    let request = user.get_request_builder(&GooseMethod::Get, "/1k.txt")?.header("connection", "close");
    let request = GooseRequest::builder().set_request_builder(request).build();
    read(user.request(request).await?, "").await
}

async fn journey(user: &mut GooseUser) -> TransactionResult {
    read(user.get_named("/login", "login").await?, "").await?;
    for n in 1..16 {
        read(user.get_named(&format!("/step/{n}"), "step").await?, "xxxx").await?;
    }
    Ok(())
}

async fn read(answer: GooseResponse, wanted: &str) -> TransactionResult {
    let body = answer.response?.text().await?;
    assert!(body.contains(wanted), "{body}");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [what, host, seconds, users] = args.as_slice() else {
        return Err("get|close|journey, URL, SECONDS, USERS".into());
    };
    let transaction = match what.as_str() {
        "get" => transaction!(get),
        "close" => transaction!(close),
        "journey" => transaction!(journey),
        _ => return Err("get, close or journey".into()),
    };
    let mut configuration = GooseConfiguration::default();
    configuration.host = Some(host.clone());
    configuration.users = Some(users.parse()?);
    configuration.increase_rate = Some("1000".to_owned());
    configuration.run_time = Some(format!("{seconds}s"));
    configuration.quiet = 3;
    configuration.no_print_metrics = true;
    configuration.no_telnet = true;
    configuration.no_websocket = true;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let metrics = runtime.block_on(async {
        let attack = GooseAttack::initialize_with_config(configuration)?;
        let attack = attack.register_scenario(scenario!("plain").register_transaction(transaction));
        Box::pin(attack.execute()).await
    })?;
    let requests: usize =
        metrics.requests.values().map(|request| request.success_count + request.fail_count).sum();
    let failed: usize = metrics.requests.values().map(|request| request.fail_count).sum();
    println!("{{\"requests\": {requests}, \"failed\": {failed}}}");
    Ok(())
}
