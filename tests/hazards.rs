//! Hazards, side by side: the same steps on plain sqlx, where they go wrong, and on a unit of work, where they do not.
//!
//! Each hazard has two tests an engine. The one on plain sqlx *asserts the bad outcome*: when it fails, sqlx has mended the
//! hazard, and the row can go. The one on a unit of work asserts, over every try, that the outcome is never bad. Both say in
//! words what they saw, and those words are the table in `docs/hazards.md`, which `hazards::table` holds to the run.
//!
//! A future is cancelled here by polling it a number of times and dropping it, so that every await in it gets its turn, on an
//! engine that is a little slow (`slow`), so that there is something to cancel.

mod hazards {
    #[macro_use]
    mod record;
    mod slow;
    mod steps;
    mod table;
    mod words;

    // The data-loss class: someone is told `Ok`, and it is not stored; or is told nothing, and it is.
    mod h01_cancelled_begin;
    mod h02_nested_begin;
    mod h03_commit_after_a_failure;
    mod h04_ended_by_mysql;
    mod h04_hidden_ddl;
    mod h05_rolled_back_by_sqlite;
    mod h06_commit_without_answer;
    mod h07_cancelled_release;
    mod h08_raw_commit;

    // The operational class: locks, panics, waits, lies.
    mod h09_deferred_upgrade;
    mod h10_queued_rollback;
    mod h11_dropped_outside_of_tokio;
    mod h12_begin_inside_a_unit;
    mod h13_cancelled_statement;
    mod h14_savepoints_left;
    mod h16_masked_error;
    mod h17_is_in_transaction;
    mod h18_transient_errors;
    mod h19_named_statements;
    mod h20_cancelled_acquire;
    mod h21_blocking_drop;
    mod h22_round_trips;
    mod h24_silent_network;
    mod h27_stale_plan;
    mod h28_dead_worker;
    mod h30_given_up;
    mod h32_maintenance_of_the_pool;
}
