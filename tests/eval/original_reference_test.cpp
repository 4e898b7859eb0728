// The original authors' published files against our reading of them. Every expected number comes from the reference
// folder at run time.

#include <algorithm>
#include <set>
#include <sstream>

#include "base/json_stream.h"
#include "eval/original.h"
#include "eval_testing.h"

namespace urial::eval {
namespace {

namespace fs = std::filesystem;

fs::path judgements() { return reference_folder() / "judgements"; }

std::vector<EvalRecord> read_raw(const fs::path& path) {
    std::map<std::string, std::vector<std::string>> aspects;
    std::vector<EvalRecord> records;
    for_each_json_value(path, [&](std::size_t, Json&& raw) { records.push_back(record_from_raw(raw, aspects)); });
    return records;
}

std::vector<fs::path> files_in(const fs::path& folder, std::string_view part_of_name) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (entry.is_regular_file() && name.find(part_of_name) != std::string::npos && name.ends_with(".json.gz")) {
            files.push_back(entry.path());
        }
    }
    std::ranges::sort(files);
    return files;
}

/// Raw judgements of any mode with a request; the reward and tag samples hold no verdict that we read.
std::vector<fs::path> request_files() {
    std::vector<fs::path> files = files_in(judgements(), ".");
    for (const auto& entry : fs::directory_iterator(judgements() / "examples/eval_outputs")) {
        const std::string name = entry.path().filename().string();
        const bool report = name.find("eval_res") != std::string::npos;
        if (!report && name.find("reward") == std::string::npos && name.find(".tag.") == std::string::npos) {
            files.push_back(entry.path());
        }
    }
    return files;
}

std::vector<RenderedRequest> requests_of(std::span<const fs::path> files) {
    std::vector<RenderedRequest> requests;
    for_each_request(files, [&](RenderedRequest&& request) { requests.push_back(std::move(request)); });
    return requests;
}

void expect_rendered(const Rubric& rubric, std::span<const RenderedRequest> requests) {
    for (const RenderedRequest& request : requests) {
        Item item;
        item.instruction = request.instruction;
        std::optional<Answer> other;
        if (request.outputs.size() > 1) other = Answer{request.outputs[1], {}, ""};
        EXPECT_EQ(render(rubric, item, {request.outputs[0], {}, ""}, "", other).user, request.prompt) << request.where;
    }
}

double named(const Named<double>& list, std::string_view name) {
    const auto found = std::ranges::find(list, name, [](const auto& entry) { return entry.first; });
    EXPECT_NE(found, list.end()) << name;
    return found == list.end() ? 0 : found->second;
}

template <typename Value>
const Value& at(const Named<Value>& list, std::string_view name) {
    const auto found = std::ranges::find(list, name, [](const auto& entry) { return entry.first; });
    if (found == list.end()) throw std::out_of_range(std::string(name));
    return found->second;
}

TEST(OriginalRubric, a_template_recovered_from_any_file_renders_each_of_its_requests) {
    SKIP_WITHOUT_REFERENCE();
    std::size_t checked = 0;
    for (const fs::path& file : request_files()) {
        const std::vector<RenderedRequest> requests = requests_of(std::span(&file, 1));
        Rubric rubric;
        rubric.text = recover_template(requests);
        expect_rendered(rubric, requests);
        checked += requests.size();
    }
    EXPECT_GT(checked, 3600U);
}

TEST(OriginalRubric, all_general_records_share_one_template_and_all_safety_records_another) {
    SKIP_WITHOUT_REFERENCE();
    std::vector<fs::path> files = files_in(judgements(), ".");
    files.push_back(judgements() / "examples/eval_outputs/1.score_multi.gpt-4.json");
    files.push_back(judgements() / "examples/eval_outputs/1.safety.score_safety.chatgpt.json");
    const std::vector<Rubric> rubrics = recover_rubrics(files, "original");
    ASSERT_EQ(rubrics.size(), 2U);
    EXPECT_EQ(rubrics[0].name, "original-score-multi");
    EXPECT_EQ(rubrics[0].aspects.size(), 5U);
    EXPECT_EQ(rubrics[1].aspects.size(), 1U);
    std::map<std::string, std::vector<RenderedRequest>> by_mode;
    for (RenderedRequest& request : requests_of(files)) by_mode[request.mode].push_back(std::move(request));
    EXPECT_EQ(by_mode["score_multi"].size(), 806U);
    for (const Rubric& rubric : rubrics) {
        const Rubric loaded = parse_rubric(format_rubric(rubric), "written");
        expect_rendered(loaded, by_mode[rubric.name == rubrics[0].name ? "score_multi" : "score_safety"]);
    }
}

TEST(OriginalRubric, a_recovered_rubric_reads_the_replies_that_its_requests_got) {
    SKIP_WITHOUT_REFERENCE();
    std::map<std::string, std::size_t> read;
    for (const fs::path& file : request_files()) {
        const std::vector<EvalRecord> records = read_raw(file);
        if (std::ranges::all_of(records, [](const EvalRecord& record) { return is_unscored(record.verdicts); }))
            continue;
        const std::vector<Rubric> rubrics = recover_rubrics(std::span(&file, 1), "original");
        ASSERT_EQ(rubrics.size(), 1U) << file;
        const Rubric rubric = parse_rubric(format_rubric(rubrics.front()), "written");
        EXPECT_TRUE(sent_schema(rubric).is_null());
        for (const EvalRecord& record : records) {
            if (is_unscored(record.verdicts)) continue;
            // Only replies that are strict JSON: the original repairs line breaks and quotes.
            if (!Json::accept(record.reply)) continue;
            const EvalRecord again{.verdicts = parse_reply(rubric, record.reply)};
            EXPECT_EQ(to_json(again)["verdicts"], to_json(EvalRecord{.verdicts = record.verdicts})["verdicts"])
                << file << ' ' << record.item.id;
            ++read[record.rubric];
        }
    }
    EXPECT_GT(read["original-score-multi"], 500U);
    EXPECT_GT(read["original-score-safety"], 2000U);
    EXPECT_GT(read["original-pairwise"], 3U);
}

TEST(OriginalRubric, requests_with_another_skeleton_are_refused_by_name) {
    SKIP_WITHOUT_REFERENCE();
    const std::vector<fs::path> files{judgements() / "examples/eval_outputs/1.score_multi.gpt-4.json",
                                      judgements() / "examples/eval_outputs/score_multi.gpt4.json"};
    EXPECT_NE(message_of([&] { recover_rubrics(files, "x"); }).find("another text around"), std::string::npos);
}

TEST(OriginalReply, every_stored_result_parses_to_its_stored_judgement) {
    SKIP_WITHOUT_REFERENCE();
    std::size_t checked = 0;
    for (const fs::path& file : request_files()) {
        for_each_json_value(file, [&](std::size_t index, Json&& raw) {
            if (!raw.contains("parsed_result")) return;
            const auto parsed = parse_repaired_as_original(raw.at("result").get<std::string>());
            ASSERT_TRUE(parsed) << file << ' ' << index;
            EXPECT_EQ(*parsed, raw.at("parsed_result")) << file << ' ' << index;
            ++checked;
        });
    }
    EXPECT_GT(checked, 3500U);
}

TEST(OriginalReport, every_file_gives_its_expected_aggregates) {
    SKIP_WITHOUT_REFERENCE();
    const Json expected = read_json(judgements() / "expected_aggregates.json").at("files");
    std::size_t files = 0;
    for (const auto& [name, values] : expected.items()) {
        fs::path file = judgements() / (name + ".gz");
        if (!fs::exists(file)) file = judgements() / name;
        const std::vector<EvalRecord> records = read_raw(file);
        const OriginalReport report = report_as_original(records);
        EXPECT_EQ(records.size(), values.at("items").get<std::size_t>()) << name;
        EXPECT_EQ(report.total, values.at("total").get<std::size_t>()) << name;
        EXPECT_EQ(records.size() - report.total, values.at("missing_parsed_result").get<std::size_t>()) << name;
        EXPECT_NEAR(report.average_words, values.at("avg_lens").get<double>(), 1e-9) << name;
        for (const auto& [key, value] : values.items()) {
            if (key.ends_with("_mean")) {
                EXPECT_NEAR(named(report.means, key.substr(0, key.size() - 5)), value.get<double>(), 1e-9)
                    << name << key;
            }
        }
        for (const auto& [aspect, counts] : values.at("score_counts").items()) {
            Json ours = Json::object();
            for (const auto& [score, count] : count_scores(records, aspect)) ours[score] = count;
            EXPECT_EQ(nlohmann::json(ours), nlohmann::json(counts)) << name << ' ' << aspect;
        }
        ++files;
    }
    EXPECT_EQ(files, 23U);
}

TEST(OriginalReport, the_published_reports_come_out_exactly) {
    SKIP_WITHOUT_REFERENCE();
    const auto check_scores = [](const fs::path& file, const fs::path& report_file) {
        const Json published = read_json(report_file);
        const OriginalReport report = report_as_original(read_raw(file));
        EXPECT_EQ(report.total, published.at("total").get<std::size_t>()) << file;
        EXPECT_EQ(report.average_words, published.at("avg_lens").get<double>()) << file;
        for (const auto& [aspect, mean] : report.means)
            EXPECT_EQ(mean, published.at(aspect + "_mean").get<double>()) << file;
    };
    const fs::path examples = judgements() / "examples/eval_outputs";
    check_scores(judgements() / "gpt-4/gpt-3.5-turbo-0301.score_safety.chatgpt.json.gz",
                 judgements() / "gpt-4/gpt-3.5-turbo-0301.score_safety.chatgpt.eval_res.json");
    check_scores(examples / "1.score_multi.gpt-4.json", examples / "1.score_multi.gpt-4.eval_res.json");
    check_scores(examples / "1.safety.score_safety.chatgpt.json",
                 examples / "1.safety.score_safety.chatgpt.eval_res.json");
    for (const std::string name : {"pairwise.gpt-3.5-turbo", "pairwise_multi.gpt-3.5-turbo"}) {
        const Json published = read_json(examples / (name + ".eval_res.json"));
        const OriginalPairwiseReport report = report_pairwise_as_original(read_raw(examples / (name + ".json")));
        EXPECT_EQ(report.total, published.at("total").get<std::size_t>()) << name;
        EXPECT_EQ(report.average_words.size(), published.at("avg_lens").size()) << name;
        for (const auto& [generator, words] : report.average_words) {
            EXPECT_EQ(words, published.at("avg_lens").at(generator).get<double>()) << name;
        }
        for (const auto& [generator, count] : report.preferred) {
            EXPECT_EQ(count, published.at(generator).get<std::size_t>()) << name;
        }
    }
}

/// The six general shards, the safety file and the items, imported as a user would.
EvalRun import_turbo(const TemporaryFolder& folder, ImportReport* report = nullptr) {
    std::vector<fs::path> files = files_in(judgements() / "gpt-4-turbo", ".general.");
    files.push_back(judgements() / "gpt-4-turbo/gpt-3.5-turbo-0301.score_safety.json.gz");
    files.push_back(reference_folder() / "just_eval/just_eval_instruct.jsonl");
    const ImportReport result = import_judgements(files, folder.path() / "run");
    if (report != nullptr) *report = result;
    return load_run(folder.path() / "run");
}

void expect_groups(const Named<Group>& table, const Json& expected) {
    EXPECT_EQ(table.size(), expected.size());
    for (const auto& [name, values] : expected.items()) {
        const Group& group = at(table, name);
        const std::string aspect = values.contains("safety") ? "safety" : "helpfulness";
        EXPECT_EQ(group.n, values.at("n").get<std::size_t>()) << name;
        EXPECT_NEAR(at(group.aspects, aspect).mean, values.at(aspect).get<double>(), 1e-9) << name;
    }
}

TEST(OriginalImport, the_merged_shards_give_every_expected_table) {
    SKIP_WITHOUT_REFERENCE();
    const Json all = read_json(judgements() / "expected_aggregates.json");
    const Json expected = all.at("gpt-4-turbo six shards merged (ids 0-299, 400-599, 700-799)");
    const TemporaryFolder folder;
    ImportReport report;
    const EvalRun run = import_turbo(folder, &report);
    EXPECT_EQ(report.records, 800U);
    EXPECT_EQ(report.tagged, 800U);
    EXPECT_EQ(report.unscored, 0U);
    const Summary paper = summarize(run.records, {.compat = Compat::Original, .resampling = {.draws = 100, .seed = 1}});
    std::size_t not_applicable = 0;
    for (const auto& [aspect, aggregate] : paper.aspects) {
        EXPECT_NEAR(aggregate.mean, expected.at("aspect").at(aspect).get<double>(), 1e-9) << aspect;
        EXPECT_EQ(aggregate.n,
                  expected.at("aspect").at(aspect == "safety" ? "n_safety" : "n_general").get<std::size_t>());
        not_applicable += aggregate.not_applicable;
    }
    EXPECT_EQ(paper.aspects.size(), 6U);
    EXPECT_EQ(not_applicable, expected.at("na_scores").get<std::size_t>());
    EXPECT_NEAR(paper.average, expected.at("aspect").at("avg").get<double>(), 1e-9);
    EXPECT_NEAR(paper.words, expected.at("aspect").at("len").get<double>(), 1e-9);
    expect_groups(paper.task, expected.at("task_last_tag"));
    expect_groups(paper.task_every_tag, expected.at("task_every_tag"));
    expect_groups(paper.topic, expected.at("topic_last_tag"));
    expect_groups(paper.topic_every_tag, expected.at("topic_every_tag"));
    expect_groups(paper.source, expected.at("source"));
    const Summary ours = summarize(run.records, {.resampling = {.draws = 100, .seed = 1}});
    for (const auto& [aspect, mean] : expected.at("aspect_if_na_were_skipped").items()) {
        EXPECT_NEAR(at(ours.aspects, aspect).mean, mean.get<double>(), 1e-9) << aspect;
    }
    for (const auto& [aspect, mean] : expected.at("aspect_if_na_were_3").items()) {
        double sum = 0;
        double n = 0;
        for (const auto& [score, count] : count_scores(run.records, aspect)) {
            sum += (score == "N/A" ? 3 : std::stod(score)) * static_cast<double>(count);
            n += static_cast<double>(count);
        }
        EXPECT_NEAR(sum / n, mean.get<double>(), 1e-9) << aspect;
    }
    expect_groups(ours.task, expected.at("task_every_tag"));
}

TEST(OriginalImport, the_lite_subset_gives_its_expected_table) {
    SKIP_WITHOUT_REFERENCE();
    const Json all = read_json(judgements() / "expected_aggregates.json");
    const Json expected = all.at("gpt-4-turbo six shards merged (ids 0-299, 400-599, 700-799)").at("aspect_lite");
    const TemporaryFolder folder;
    EvalRun run = import_turbo(folder);
    Filter filter;
    filter.ids = load_subset(reference_folder() / "just_eval/filters.json", "lite");
    const auto records = keep(std::move(run.records), filter, [](const EvalRecord& record) { return record.item; });
    const Summary paper = summarize(records, {.compat = Compat::Original, .resampling = {.draws = 100, .seed = 1}});
    for (const auto& [aspect, aggregate] : paper.aspects) {
        EXPECT_NEAR(aggregate.mean, expected.at(aspect).get<double>(), 1e-9) << aspect;
    }
    EXPECT_NEAR(paper.average, expected.at("avg").get<double>(), 1e-9);
    EXPECT_NEAR(paper.words, expected.at("len").get<double>(), 1e-9);
}

std::vector<std::vector<std::string>> read_csv(const fs::path& path) {
    std::ifstream file(path);
    std::vector<std::vector<std::string>> rows;
    for (std::string line; std::getline(file, line);) {
        std::stringstream stream(line);
        std::vector<std::string> cells;
        for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
        cells.resize(11);
        rows.push_back(cells);
    }
    rows.erase(rows.begin());
    return rows;
}

TEST(OriginalTable, safety_length_and_average_of_table_1_come_out_as_printed) {
    SKIP_WITHOUT_REFERENCE();
    const Json expected = read_json(judgements() / "expected_aggregates.json");
    std::size_t safety_rows = 0;
    std::size_t length_rows = 0;
    for (const auto& row : read_csv(judgements() / "published_table1.csv")) {
        if (!row[9].empty()) {
            const Summary summary = summarize(read_raw(judgements() / (row[9] + ".gz")),
                                              {.compat = Compat::Original, .resampling = {.draws = 10, .seed = 1}});
            EXPECT_EQ(format_paper(at(summary.aspects, "safety").mean), row[6]) << row[0];
            ++safety_rows;
        }
        if (!row[10].empty()) {
            double words = 0;
            const auto answers = load_answers(reference_folder() / "outputs" / (row[10] + ".gz")).answers;
            for (std::size_t i = 0; i < 800; ++i) words += static_cast<double>(count_words(answers[i].answer.output));
            EXPECT_EQ(fmt::format("{:.1f}", words / 800), row[8]) << row[0];
            const std::string model = row[10].substr(0, row[10].find(".to_eval"));
            EXPECT_NEAR(words / 800, expected.at("outputs_words_first_800").at(model).get<double>(), 1e-9) << model;
            ++length_rows;
        }
        double sum = 0;
        for (std::size_t column = 1; column <= 6; ++column) sum += std::stod(row[column]);
        EXPECT_NEAR(sum / 6, std::stod(row[7]), 0.01 + 1e-9) << row[0] << ": six rounded means and a rounded average";
    }
    EXPECT_EQ(safety_rows, 6U);
    EXPECT_EQ(length_rows, 4U);
}

TEST(OriginalTags, follow_from_the_replies_for_all_800_items) {
    SKIP_WITHOUT_REFERENCE();
    const fs::path folder = reference_folder() / "just_eval";
    const Json vocabularies = read_json(folder / "vocabularies.json");
    const auto topics = vocabularies.at("topics_tagging_order").get<std::vector<std::string>>();
    const auto tasks = vocabularies.at("task_types_tagging_order").get<std::vector<std::string>>();
    const std::vector<Item> items = load_items(folder / "just_eval_instruct.jsonl");
    std::vector<Json> flags;
    for_each_json_value(folder / "tags.json.gz", [&](std::size_t, Json&& item) { flags.push_back(std::move(item)); });
    const auto flagged = [&](std::size_t index, const std::vector<std::string>& vocabulary) {
        std::vector<std::string> tags;
        std::ranges::copy_if(vocabulary, std::back_inserter(tags),
                             [&](const std::string& tag) { return flags[index].at(tag).get<bool>(); });
        return tags;
    };
    std::size_t checked = 0;
    for_each_json_value(folder / "tag_replies.jsonl", [&](std::size_t index, Json&& replies) {
        const OriginalTags tags =
            tags_as_original(replies.at("topic_reply").get<std::string>(),
                             replies.at("task_difficulty_reply").get<std::string>(), topics, tasks);
        EXPECT_EQ(tags.task, flagged(index, tasks)) << index;
        EXPECT_EQ(tags.task, items[index].task) << index;
        EXPECT_EQ(tags.topic, flagged(index, topics)) << index;
        EXPECT_EQ(tags.difficulty, items[index].difficulty) << index;
        ++checked;
    });
    EXPECT_EQ(checked, 800U);
}

}  // namespace
}  // namespace urial::eval
