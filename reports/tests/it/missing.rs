//! Missing data: every section has content that states what is missing, and zero never stands for "not measured".

use kneepoint_model::manifest::Manifest;
use kneepoint_reports::view::block::Block;
use kneepoint_reports::{ReportView, render};

use crate::fixture::{self, Run};

fn view(run: &Run) -> ReportView {
    ReportView::build(&run.facts, &run.analysis, &run.summary, &run.flames)
}

/// Whether no block is empty and no table cell is blank.
pub(crate) fn has_content(blocks: &[Block]) -> bool {
    !blocks.is_empty()
        && blocks.iter().all(|block| match block {
            Block::Paragraph { text, .. } | Block::Heading { text } | Block::Source { text } => {
                !text.trim().is_empty()
            }
            Block::Table(table) => {
                !table.rows.is_empty() && table.rows.iter().flatten().all(|cell| !cell.text.trim().is_empty())
            }
            Block::Charts { charts, .. } => !charts.is_empty(),
            Block::Legend { items } => !items.is_empty(),
            Block::Pairs { pairs } => pairs.iter().all(|pair| !pair.1.trim().is_empty()),
            Block::List { items } => !items.is_empty(),
            Block::Fold { blocks, .. } => has_content(blocks),
            Block::Chart(_) | Block::Flame(_) => true,
        })
}

#[test]
fn every_section_of_an_empty_run_has_content() {
    for run in [fixture::nothing(), fixture::run()] {
        let view = view(&run);
        for section in view.sections.in_order() {
            assert!(has_content(&section.blocks), "{}: {:#?}", section.id, section.blocks);
        }
        render::html(&view).expect("renders");
    }
}

#[test]
fn an_interrupted_run_is_marked_as_partial() {
    let mut run = fixture::run();
    run.facts.manifest =
        Manifest { complete: false, stopped_by: Some("stopped by SIGINT".into()), ..run.facts.manifest };
    run.facts.phases.truncate(1);
    run.facts.profiles = None;
    run.flames.clear();
    let view = view(&run);
    assert!(view.verdict.partial.as_deref().expect("partial").contains("stopped by SIGINT"));
    assert!(render::html(&view).expect("renders").contains("There are no profiles"));
    assert!(render::markdown(&view).contains("**Partial.**"));
}

#[test]
fn endpoints_without_requests_show_no_zero_for_a_time() {
    let mut run = fixture::run();
    run.summary.endpoints.truncate(1);
    let endpoint = &mut run.summary.endpoints[0];
    endpoint.requests = 0;
    endpoint.response_us = kneepoint_model::histogram::Quantiles::default();
    let view = view(&run);
    let table = view
        .sections
        .endpoints
        .blocks
        .iter()
        .find_map(|b| if let Block::Table(t) = b { Some(t) } else { None });
    let row = &table.expect("a table").rows[0];
    let p95 = table.expect("a table").columns.iter().position(|c| c.name == "p95").expect("column");
    assert_eq!(row[p95].text, "no data");
}

#[test]
fn equal_inputs_give_equal_pages() {
    let page = || render::html(&view(&fixture::run())).expect("renders");
    assert!(page() == page(), "the same run gives two different pages");
}

#[test]
fn a_flame_graph_too_large_for_one_file_is_linked() {
    let mut run = fixture::run();
    run.flames[0].svg = format!("<svg>{}</svg>", "x".repeat(800 * 1024));
    let page = render::html(&view(&run)).expect("renders");
    assert!(
        page.contains("too large to embed") && page.contains("href=\"profiles&#x2f;server-running.svg\"")
    );
    assert!(page.len() < 3 << 20, "{}", page.len());
}
