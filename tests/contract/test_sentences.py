"""What the v1 contract says, in our words, and which test shows it: a sentence without one fails here."""

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent

SENTENCES: dict[str, tuple[str, ...]] = {
    # --- tokens
    "client id and secret give a token for 899 seconds; its type is bearer_token, or bearer by a setting": (
        "test_tokens.test_client_id_and_secret_give_a_token",
        "test_tokens.test_the_token_type_can_be_set_and_tokens_expire",
    ),
    "HTTP Basic and JSON authenticate a client too": (
        "test_tokens.test_http_basic_gives_a_token_too",
        "test_tokens.test_json_gives_a_token_too",
    ),
    "an unknown scope is 400, a wrong client 401, told as RFC 6749 has it": (
        "test_tokens.test_what_is_wrong_is_told_as_oauth_does",
        "test_tokens.test_every_field_is_needed",
    ),
    "every call but ping takes a bearer token in any spelling, or Access-Token": (
        "test_tokens.test_the_scheme_may_be_spelt_in_any_way",
        "test_everywhere.test_the_access_token_header_alone_reads_the_same",
        "test_tokens.test_ping_needs_no_token",
    ),
    "no token, a bad one, or one without the right is 401 with a challenge, never 403": (
        "test_everywhere.test_every_call_but_ping_needs_a_token",
        "test_isolation.test_no_token_that_is_good_is_401",
        "test_tokens.test_a_customers_token_has_no_right_to_a_vendors_calls",
    ),
    "somebody else's object is 404 in a path and 400 elsewhere, in the words of an unknown one": (
        "test_isolation.test_another_vendor_gets_nothing",
        "test_isolation.test_somebody_elses_and_none_are_answered_alike",
        "test_instances.test_an_unknown_or_foreign_customer_or_definition_is_400_in_the_same_words",
        "test_everywhere.test_somebody_elses_backup_in_a_query_is_an_unknown_one",
    ),
    # --- bodies
    "bodies are forms with bracketed names, url-encoded or multipart, or the same as JSON": (
        "test_bodies.test_a_url_encoded_form",
        "test_bodies.test_a_multipart_form",
        "test_bodies.test_json",
    ),
    "booleans are true, false, 1, 0 in any case": (
        "test_bodies.test_true_in_any_case",
        "test_bodies.test_false_in_any_case",
    ),
    "an empty optional field is absent, an unknown one ignored, a read-only one that would change is 400": (
        "test_bodies.test_an_empty_optional_field_counts_as_absent",
        "test_bodies.test_unknown_fields_are_ignored",
        "test_everywhere.test_a_read_only_field_that_would_change_is_400",
    ),
    "a POST without a body is fine where nothing is required": (
        "test_bodies.test_a_post_without_a_body_is_fine_where_nothing_is_required",
    ),
    "a missing or bad value is 400 and names the field, never 422": (
        "test_bodies.test_what_an_error_says_names_the_field_and_is_never_a_422",
        "test_bodies.test_everything_that_is_wrong_is_told_at_once",
    ),
    "creation answers 200": (
        "test_customers.test_a_customer_is_made_with_200",
        "test_definitions.test_a_definition_is_made_with_200_and_read_back",
        "test_instances.test_an_instance_that_never_ran",
        "test_backups.test_a_backup_is_queued_at_once_and_ends",
        "test_exports.test_an_export_from_beginning_to_end",
    ),
    # --- ids, lists, times, addresses
    "a path id that is no 64-bit number is 404; record ids and two customer paths take texts": (
        "test_everywhere.test_a_path_id_that_is_no_such_number_is_404",
        "test_customers.test_the_path_takes_the_id_as_a_string_and_the_name",
        "test_records.test_ids_of_any_kind_go_around_whole",
    ),
    "lists ascend by id; endpoints and variables stand in the definition's order": (
        "test_everywhere.test_lists_ascend_by_id",
        "test_definitions.test_variables_are_made_listed_and_read_in_the_definitions_order",
        "test_records.test_endpoints_are_those_of_the_definition_before_and_after_a_backup",
        "test_instances.test_values_are_listed_in_the_definitions_order_with_defaults",
    ),
    "pages have 20, up to 100; silly values are 400; past the end is an empty list; lists are arrays": (
        "test_paging.test_twenty_a_page_ascending_by_id",
        "test_paging.test_silly_numbers_are_400_and_name_the_parameter",
        "test_paging.test_a_page_has_at_most_a_hundred",
        "test_everywhere.test_a_list_is_an_array_with_links_and_past_its_end_empty",
    ),
    "Link leads to first, prev, next and last as absolute URLs that keep the other parameters": (
        "test_paging.test_links_lead_from_one_end_to_the_other_and_back",
        "test_paging.test_links_are_absolute_and_keep_the_other_parameters",
        "test_everywhere.test_a_list_is_an_array_with_links_and_past_its_end_empty",
    ),
    "times are ISO 8601 in UTC, or null; failures and counters are never null": (
        "test_everywhere.test_times_are_in_utc_and_nothing_that_counts_is_null",
        "test_backups.test_failures_say_what_went_wrong_and_where",
    ),
    "no POST is redirected; blob_url and exported_data_url are absolute": (
        "test_everywhere.test_nothing_that_writes_is_redirected",
        "test_records.test_a_blob_has_its_own_content_type_length_and_name",
        "test_exports.test_an_export_from_beginning_to_end",
    ),
    # --- single operations
    "ping, authenticate_vendor and authenticate_customer answer {}; the last for a customer's token only": (
        "test_tokens.test_ping_needs_no_token",
        "test_tokens.test_the_kinds_of_tokens_authenticate_each_for_its_own",
    ),
    "vendors/me shows the secret masked": ("test_customers.test_a_vendor_sees_itself_without_its_secret",),
    "a customer's token is granted by the vendor and is good for that customer's instances only": (
        "test_tokens.test_a_customers_token_reads_its_own_instances_only",
        "test_isolation.test_another_customers_token_gets_nothing",
        "test_exports.test_a_customer_exports_its_own_instance",
    ),
    "a customer's name is unique among its vendor's, the email gets confirmations": (
        "test_customers.test_a_name_is_unique_among_a_vendors_customers",
        "test_exports.test_the_confirmation_arrives_and_its_link_downloads_the_archive",
    ),
    "the list of instances needs a definition one may see, and has only one's own customers'": (
        "test_instances.test_the_list_needs_a_definition_that_one_may_see",
        "test_instances.test_the_list_has_only_ones_own_customers_also_under_somebody_elses_definition",
    ),
    "frequencies are off, daily and weekly; finer schedules stand in a field of ours and the frequency is left out": (
        "test_instances.test_the_frequency_changes",
        "test_instances.test_other_frequencies_are_400",
        "test_instances.test_finer_schedules_stand_beside_the_frequency_which_is_then_left_out",
        "test_everywhere.test_an_instance_with_a_finer_schedule_is_made_without_a_frequency",
    ),
    "customer and definition of an instance do not change": (
        "test_instances.test_customer_and_definition_cannot_change",
    ),
    "definitions listed are every vendor's published ones and all of one's own; vendor_id narrows": (
        "test_definitions.test_the_list_has_every_published_one_and_all_of_ones_own",
        "test_definitions.test_vendor_id_narrows_the_list",
    ),
    "changing another vendor's definition is 404, published or not": (
        "test_definitions.test_another_vendors_cannot_be_changed_published_or_not",
        "test_definitions.test_a_built_in_one_cannot_be_changed_and_the_answer_says_why",
    ),
    "a variable of a definition: top-level name or a bracketed one; its key stays; one that exists is 400": (
        "test_definitions.test_a_variable_is_changed_with_a_top_level_name_or_a_bracketed_one",
        "test_definitions.test_changing_a_variable_needs_a_name_and_keeps_its_key",
        "test_definitions.test_creating_a_key_that_exists_is_400",
    ),
    "a value of an instance: an unknown key is 404, one with a value 400, a default does not count": (
        "test_instances.test_a_key_that_the_definition_does_not_have_is_404",
        "test_instances.test_a_key_that_has_a_value_already_is_400_and_a_default_does_not_count",
        "test_instances.test_get_and_put_work_on_a_key_that_only_has_a_default",
        "test_instances.test_a_key_without_any_value_is_404",
    ),
    "secrets are shown masked, and the mask is no value": (
        "test_instances.test_secrets_are_masked_and_the_mask_is_no_value",
    ),
    "a backup is queued at once; one is active at a time and asking again answers it": (
        "test_backups.test_a_backup_is_queued_at_once_and_ends",
        "test_backups.test_one_backup_is_active_at_a_time_and_asking_again_answers_it",
    ),
    "missing variables are 200, then failed with their names": (
        "test_instances.test_missing_required_variables_are_200_then_failed_with_their_names",
    ),
    "backups/active is 200, or 204 without a body": (
        "test_backups.test_one_backup_is_active_at_a_time_and_asking_again_answers_it",
        "test_instances.test_an_instance_that_never_ran",
    ),
    "last_backup_state is the active one's, else the last one's, absent before; it has a space in `in progress`": (
        "test_instances.test_last_backup_state_is_that_of_the_active_backup_else_the_last_ones",
        "test_instances.test_an_instance_that_never_ran",
    ),
    "records are the newest ended run's": (
        "test_records.test_the_newest_ended_run_is_listed_whatever_came_of_it",
        "test_records.test_a_running_backup_is_seen_by_its_id_only",
    ),
    "a record has its id, and backup_id or at show any earlier state of list, record and blob": (
        "test_records.test_earlier_states_are_seen_by_backup_and_by_time",
        "test_records.test_a_blob_at_an_earlier_backup",
        "test_records.test_ids_of_any_kind_go_around_whole",
    ),
    "a blob has its own content type, length and name; ranges and If-None-Match work": (
        "test_records.test_a_blob_has_its_own_content_type_length_and_name",
        "test_records.test_ranges_of_a_blob",
        "test_records.test_a_blob_that_is_known_is_not_sent_again",
    ),
    "backup_run_id wins over export_datetime, neither means the newest": (
        "test_exports.test_backup_run_id_wins_over_export_datetime_and_neither_means_the_newest",
    ),
    "export_formats is a choice, all by default; content_types filters the blobs": (
        "test_exports.test_formats_are_a_choice",
        "test_exports.test_content_types_filter_the_blobs",
    ),
    "the same export is not made again unless force_full; its address is renewed": (
        "test_exports.test_the_same_export_is_not_made_again_unless_forced",
    ),
    "the confirmation is mailed unless it is not wanted": (
        "test_exports.test_the_confirmation_arrives_and_its_link_downloads_the_archive",
        "test_exports.test_no_confirmation_is_sent_where_none_is_wanted",
    ),
    "an export of nothing is 400": ("test_exports.test_nothing_to_export_is_400",),
    "reauth gives a new address, 404 where there is no data": (
        "test_exports.test_reauth_gives_a_new_address_that_lives_longer",
        "test_exports.test_an_export_that_has_no_data_cannot_be_reauthorised",
        "test_exports.test_an_export_that_failed_has_no_data",
    ),
    "logs of a day, today by default, and further by scroll_id; bad ones are 400": (
        "test_logs.test_today_is_the_default",
        "test_logs.test_scrolling_shows_every_entry_of_the_day_once",
        "test_logs.test_a_bad_date_is_400",
        "test_logs.test_a_bad_scroll_id_is_400",
    ),
    # --- where a client of the original breaks first
    "oauthlib, Go's oauth2 and curl work from end to end": (
        "test_oauth_clients.test_oauthlib",
        "test_oauth_clients.test_gos_oauth2_encodes_what_it_puts_into_the_basic_header",
        "test_documentation.test_the_tour_works_as_it_is_printed",
    ),
    "a strict generated client reads an instance that never ran, and does the whole flow": (
        "clients.test_generated_client.test_a_generated_client_does_the_whole_flow",
    ),
    "the seed's 17 requests are all 200 by Postman's own runner": (
        "clients.test_newman.test_newman_runs_the_seed",
    ),
    "following Link to the end shows every record once": (
        "test_records.test_following_next_shows_every_record_once",
        "test_records.test_next_goes_on_in_the_state_it_began_in",
    ),
}  # fmt: skip


def _functions(module: str) -> set[str]:
    file = HERE.joinpath(*module.split(".")).with_suffix(".py")
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_has_tests(sentence: str) -> None:
    assert SENTENCES[sentence]
    for named in SENTENCES[sentence]:
        module, _, function = named.rpartition(".")
        assert function in _functions(module), named
