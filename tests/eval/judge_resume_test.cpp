// What a run finds in its folder: one that was stopped, killed or cut off, and files that are not its own.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <deque>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "base/file_system.h"
#include "eval/judge_run_fixture.h"
#include "support/expect_error.h"
#include "support/expect_text.h"
#include "support/file_systems.h"

namespace urial::eval {
namespace {

using test::contains;

TEST_F(JudgeRunTest, an_interrupted_run_goes_on_where_it_stopped) {
    ScriptedJudge judge([](const ScriptedCall&) { return replied(kGoodReply); });
    options.concurrency = 1;
    options.interrupted = [&] { return judge.calls() >= 5; };
    std::size_t seen = 0;
    options.progress = [&](const JudgeProgress& progress) { seen = progress.done; };
    judge.delay = std::chrono::milliseconds(30);
    const JudgeSummary first = run(judge, some_tasks(40));
    EXPECT_TRUE(first.interrupted);
    EXPECT_FALSE(first.finished());
    EXPECT_EQ(seen, first.progress.done);
    EXPECT_EQ(judge.calls(), first.progress.done) << "what was in flight is kept";
    options.interrupted = nullptr;
    judge.delay = {};
    const JudgeSummary second = run(judge, some_tasks(40));
    EXPECT_EQ(second.resumed, first.progress.done);
    EXPECT_EQ(judge.calls(), 40u);
    EXPECT_EQ(records().size(), 40u);
}

TEST_F(JudgeRunTest, an_interruption_reaches_the_judge_and_what_it_ends_is_not_recorded) {
    std::atomic<bool> asked = false;
    ScriptedJudge judge([&](const ScriptedCall&) {
        asked = true;
        while (!judge.interrupted) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return failed(true);
    });
    options.retry.most_failures = 1;
    options.interrupted = [&] { return asked.load(); };
    const JudgeSummary summary = run(judge, some_tasks(3));
    EXPECT_TRUE(summary.interrupted);
    EXPECT_EQ(summary.progress.done, 0u);
    EXPECT_TRUE(recorded_keys(options.folder).empty());
    ScriptedJudge patient([](const ScriptedCall&) { return replied(kGoodReply); });
    options.interrupted = nullptr;
    EXPECT_EQ(run(patient, some_tasks(3)).progress.done, 3u);
}

TEST_F(JudgeRunTest, a_reply_that_had_no_time_to_be_recorded_is_not_paid_for_again) {
    ScriptedJudge judge([](const ScriptedCall& call) { return replied(call.number == 1 ? "no idea" : kGoodReply); });
    run(judge, some_tasks(2), Price{1, 1});
    // As if killed after the second item's second reply was written, before the ledger and the record got it.
    const auto drop_last = [&](std::string_view name, std::string_view torn) {
        std::string text = read_file(options.folder / name);
        text.resize(text.rfind('\n', text.size() - 2) + 1);
        write_file_atomic(options.folder / name, text + std::string(torn), 0600);
    };
    drop_last(kRecordsFile, "{\"id\": \"torn");
    drop_last(kLedgerFile, "");
    std::vector<std::string> notices;
    options.notice = [&](std::string_view text) { notices.emplace_back(text); };
    const JudgeSummary summary = run(judge, some_tasks(2), Price{1, 1});
    EXPECT_EQ(judge.calls(), 4u);
    EXPECT_EQ(records().size(), 2u);
    EXPECT_EQ(summary.progress.bill.attempts, 4u);
    EXPECT_EQ(summary.progress.bill.unsettled, 0u);
    EXPECT_NEAR(summary.progress.bill.cost, 4 * 110 / 1e6, 1e-12);
    EXPECT_TRUE(contains(notices.front(), "torn last line of 12 bytes"));
}

TEST_F(JudgeRunTest, a_run_that_was_killed_at_any_byte_loses_nothing_and_asks_at_most_once_more) {
    const std::vector<JudgeTask> tasks = some_tasks(3);
    options.concurrency = 1;
    ScriptedJudge judge([](const ScriptedCall& call) { return replied(call.total == 2 ? "no idea" : kGoodReply); });
    run(judge, tasks, Price{1, 1});
    struct Line {
        std::string_view file;
        std::string text;
    };
    std::map<std::string_view, std::deque<std::string>> lines;
    for (const std::string_view file : {kLedgerFile, kRawFile, kRecordsFile}) {
        std::stringstream text(read_file(options.folder / file));
        for (std::string line; std::getline(text, line);) lines[file].push_back(line + "\n");
    }
    std::vector<Line> sequence;
    const auto take = [&](std::string_view file) {
        sequence.push_back({file, lines[file].front()});
        lines[file].pop_front();
    };
    while (!lines[kLedgerFile].empty()) {
        take(kLedgerFile);
        take(kRawFile);
        take(kLedgerFile);
        const std::string reply = Json::parse(sequence[sequence.size() - 2].text)["reply"].get<std::string>();
        if (reply == kGoodReply) take(kRecordsFile);
    }
    ASSERT_EQ(sequence.size(), 4 * 3 + 3U) << "four attempts, one of them without a record";
    const std::string manifest = read_file(options.folder / kManifestFile);
    test::UnsyncedFileSystem fast;
    const ReplacedFileSystem replaced(fast);
    std::map<std::string_view, std::string> written{{kLedgerFile, ""}, {kRawFile, ""}, {kRecordsFile, ""}};
    std::size_t tried = 0;
    for (const Line& line : sequence) {
        for (std::size_t cut = 0; cut < line.text.size(); cut += 1 + line.text.size() / 12) {
            options.folder = folder / std::to_string(tried++);
            fs::create_directories(options.folder);
            for (const auto& [file, text] : written) {
                std::ofstream(options.folder / file) << text << (file == line.file ? line.text.substr(0, cut) : "");
            }
            std::ofstream(options.folder / kManifestFile) << manifest;
            ScriptedJudge second([](const ScriptedCall&) { return replied(kGoodReply); });
            const JudgeSummary summary = run(second, tasks, Price{1, 1});
            EXPECT_TRUE(summary.finished()) << line.file << " cut at " << cut;
            EXPECT_EQ(records().size(), 3u);
            const auto begun = static_cast<std::size_t>(std::ranges::count(written[kLedgerFile], '\n') + 1) / 2;
            const Bill& bill = summary.progress.bill;
            EXPECT_EQ(bill.attempts, begun + second.calls()) << line.file << " cut at " << cut;
            EXPECT_LE(bill.unsettled, 1u);
            const auto settled = static_cast<double>(bill.attempts - bill.unsettled);
            EXPECT_NEAR(bill.cost, (settled * 110 + static_cast<double>(bill.unsettled) * 2024) / 1e6, 1e-12);
        }
        written[line.file] += line.text;
    }
    EXPECT_GT(tried, 150u);
}

TEST_F(JudgeRunTest, an_attempt_without_an_end_stays_in_the_bill_with_the_most_it_can_cost) {
    ScriptedJudge judge([](const ScriptedCall&) { return replied(kGoodReply); });
    run(judge, some_tasks(1), Price{1, 1});
    std::string ledger = read_file(options.folder / kLedgerFile);
    ledger.resize(ledger.find('\n') + 1);
    write_file_atomic(options.folder / kLedgerFile, ledger, 0600);
    write_file_atomic(options.folder / kRawFile, "", 0600);
    write_file_atomic(options.folder / kRecordsFile, "", 0600);
    const JudgeSummary summary = run(judge, some_tasks(1), Price{1, 1});
    EXPECT_EQ(summary.progress.bill.attempts, 2u);
    EXPECT_EQ(summary.progress.bill.unsettled, 1u);
    EXPECT_NEAR(summary.progress.bill.cost, (1000 + 1024 + 110) / 1e6, 1e-12);
    EXPECT_EQ(records().front().attempts, 2);
}

TEST_F(JudgeRunTest, more_items_may_be_added_but_not_taken_away_or_changed) {
    ScriptedJudge judge([](const ScriptedCall&) { return replied(kGoodReply); });
    run(judge, some_tasks(3));
    EXPECT_EQ(run(judge, some_tasks(5)).resumed, 3u);
    EXPECT_EQ(judge.calls(), 5u);
    EXPECT_ERROR(run(judge, some_tasks(4)), ErrorKind::BadInput, "another answer, rubric or judge");
    std::vector<JudgeTask> changed = some_tasks(5);
    changed[2].answer.output = "another answer";
    EXPECT_ERROR(run(judge, changed), ErrorKind::BadInput, "another answer, rubric or judge");
    EXPECT_EQ(records().size(), 5u);
}

TEST_F(JudgeRunTest, a_judgement_that_stands_twice_counts_once) {
    ScriptedJudge judge([](const ScriptedCall&) { return replied("no score"); });
    run(judge, some_tasks(3));
    const fs::path path = options.folder / kRecordsFile;
    const std::string lines = read_file(path);
    write_file_atomic(path, lines + lines);
    EXPECT_EQ(records().size(), 3u);
    EXPECT_EQ(load_run(options.folder).repeated, 3u);
    std::string notices;
    options.notice = [&](std::string_view text) { notices += text; };
    const JudgeSummary summary = run(judge, some_tasks(3));
    EXPECT_EQ(summary.progress.unscored, 3u);
    EXPECT_EQ(summary.progress.done, 3u);
    EXPECT_TRUE(contains(notices, "3 judgements stand there more than once")) << notices;
}

TEST_F(JudgeRunTest, a_folder_with_something_else_in_it_is_left_alone) {
    ScriptedJudge judge([](const ScriptedCall&) { return replied(kGoodReply); });
    EvalRun imported;
    imported.records = {scored("1", 4)};
    save_run(options.folder, imported);
    EXPECT_ERROR(run(judge, some_tasks(1)), ErrorKind::BadInput, "a run of another kind");
    EXPECT_EQ(records().size(), 1u);
}

TEST_F(JudgeRunTest, files_that_no_manifest_explains_are_left_as_they_are) {
    ScriptedJudge judge([](const ScriptedCall&) { return replied(kGoodReply); });
    for (const std::string_view name : {kRecordsFile, kRawFile, kLedgerFile}) {
        options.folder = folder / fmt::format("with {}", name);
        fs::create_directory(options.folder);
        std::ofstream(options.folder / name) << "{\"precious\": 1}\nhalf a li";
        EXPECT_ERROR(run(judge, some_tasks(1)), ErrorKind::BadInput, "but no manifest.json");
        EXPECT_EQ(read_file(options.folder / name), "{\"precious\": 1}\nhalf a li");
        EXPECT_EQ(std::distance(fs::directory_iterator(options.folder), fs::directory_iterator()), 1) << name;
    }
    EXPECT_EQ(judge.calls(), 0u);
}

TEST_F(JudgeRunTest, a_file_of_another_kind_beside_a_manifest_of_ours_is_left_as_it_is) {
    ScriptedJudge judge([](const ScriptedCall&) { return replied(kGoodReply); });
    for (const std::string_view name : {kRecordsFile, kRawFile, kLedgerFile}) {
        options.folder = folder / fmt::format("with {}", name);
        run(judge, some_tasks(1));
        std::ofstream(options.folder / name) << "{\"precious\": 1}\nhalf a li";
        EXPECT_ERROR(run(judge, some_tasks(1)), ErrorKind::BadInput, "not a line of a judging run");
        EXPECT_EQ(read_file(options.folder / name), "{\"precious\": 1}\nhalf a li");
    }
}

TEST_F(JudgeRunTest, a_folder_in_which_nothing_was_judged_accepts_another_judge_and_says_why) {
    ScriptedJudge unreachable([](const ScriptedCall&) { return failed(true); }, "unreachable");
    const JudgeSummary first = run(unreachable, some_tasks(3));
    EXPECT_EQ(first.failures, (std::map<std::string, std::size_t>{{"unreachable: it is down", 3}}));
    ScriptedJudge other([](const ScriptedCall&) { return replied(kGoodReply); }, "other");
    const JudgeSummary second = run(other, some_tasks(3));
    EXPECT_TRUE(second.finished());
    EXPECT_TRUE(second.failures.empty());
    EXPECT_EQ(records().size(), 3u);
    EXPECT_EQ(std::ranges::count(records(), "other", &EvalRecord::judge), 3);
    EXPECT_EQ(second.progress.bill.attempts, 3 * 6 + 3u) << "what the first judge was asked stays in the bill";
    ScriptedJudge third([](const ScriptedCall&) { return replied(kGoodReply); }, "third");
    EXPECT_ERROR(run(third, some_tasks(3)), ErrorKind::BadInput, "was judged, but is not asked for now");
}

TEST_F(JudgeRunTest, a_disk_that_is_full_for_a_while_loses_no_reply_that_came_after_it) {
    test::FaultyFileSystem disk;
    std::atomic<int> refused = 0;
    disk.longest_write = 40;  // so that a failure leaves a part
    std::atomic<bool> is_full = false;
    disk.fault = [&](std::string_view call) {
        if (call != "write" || !is_full) return 0;
        if (++refused % 3 != 0) return 0;
        is_full = false;
        return ENOSPC;
    };
    ScriptedJudge judge([&](const ScriptedCall& call) {
        is_full = call.total % 4 == 0;
        return replied(kGoodReply);
    });
    {
        const ReplacedFileSystem replaced(disk);
        for (int i = 0; i < 40 && !fs::exists(folder / "done"); ++i) {
            try {
                if (run(judge, some_tasks(24), Price{1, 1}).finished()) std::ofstream(folder / "done");
            } catch (const Error& failure) {
                EXPECT_TRUE(contains(failure.what(), "No space left")) << failure.what();
            }
        }
    }
    ASSERT_TRUE(fs::exists(folder / "done")) << "the folder cannot be continued";
    EXPECT_EQ(records().size(), 24u);
    EXPECT_GE(refused, 3);
}

TEST_F(JudgeRunTest, the_ledger_is_on_the_disk_before_a_request_is_sent_and_the_reply_before_the_next_one) {
    test::FaultyFileSystem disk;
    const ReplacedFileSystem replaced(disk);
    options.concurrency = 1;
    std::vector<std::size_t> synced;
    ScriptedJudge judge([&](const ScriptedCall&) {
        synced.push_back(disk.calls["sync_data"]);
        return replied(kGoodReply);
    });
    run(judge, some_tasks(3));
    // Before each request the ledger; after it the raw reply and the ledger's end of the attempt.
    EXPECT_EQ(synced, (std::vector<std::size_t>{1, 4, 7}));
}

TEST_F(JudgeRunTest, damaged_records_are_set_aside_and_made_again_from_the_replies) {
    ScriptedJudge judge([](const ScriptedCall&) { return replied(kGoodReply); });
    run(judge, some_tasks(3));
    std::string text = read_file(options.folder / kRecordsFile);
    const std::size_t second = text.find('\n') + 1;
    text.replace(second, 20, 20, '\0');
    write_file_atomic(options.folder / kRecordsFile, text, 0600);
    std::string notices;
    options.notice = [&](std::string_view notice) { notices += notice; };
    EXPECT_TRUE(run(judge, some_tasks(3)).finished());
    EXPECT_EQ(judge.calls(), 3u) << "the reply was kept";
    EXPECT_EQ(records().size(), 3u);
    EXPECT_TRUE(contains(notices, "1 damaged lines were moved to"));
    EXPECT_EQ(lines_in(options.folder / "records.jsonl.damaged"), 1u);
}

TEST_F(JudgeRunTest, damaged_lines_that_were_paid_for_are_refused_and_left_as_they_are) {
    ScriptedJudge judge([](const ScriptedCall&) { return replied(kGoodReply); });
    for (const std::string_view name : {kRawFile, kLedgerFile}) {
        options.folder = folder / fmt::format("with {}", name);
        run(judge, some_tasks(3));
        std::string text = read_file(options.folder / name);
        text.replace(0, 20, 20, '\0');
        write_file_atomic(options.folder / name, text, 0600);
        const std::size_t before = judge.calls();
        EXPECT_ERROR(run(judge, some_tasks(3)), ErrorKind::BadInput, "damaged lines (1)");
        EXPECT_EQ(judge.calls(), before);
        EXPECT_EQ(read_file(options.folder / name), text);
    }
}

TEST_F(JudgeRunTest, after_500_power_cuts_no_reply_is_asked_again_but_those_in_flight) {
    constexpr std::size_t kTasks = 10;
    std::mt19937 random(1);
    for (const int concurrency : {1, 3}) {
        const fs::path root = folder / fmt::format("disk {}", concurrency);
        fs::create_directory(root);
        test::RecordedDisk disk(root);
        options.folder = root / "runs" / "run";
        options.concurrency = concurrency;
        const auto item_of = [](const ScriptedCall& call) {
            return call.request.user.substr(0, call.request.user.find('|'));
        };
        ScriptedJudge judge([&](const ScriptedCall& call) {
            disk.mark(item_of(call));
            return replied(kGoodReply);
        });
        {
            const ReplacedFileSystem replaced(disk);
            run(judge, some_tasks(kTasks), Price{1, 1});
        }
        for (int i = 0; i < 250; ++i) {
            const std::size_t cut = random() % (disk.size() + 1);
            SCOPED_TRACE(fmt::format("concurrency {}, cut {} at call {} of {}", concurrency, i, cut, disk.size()));
            const std::vector<std::string> asked = disk.marks_before(cut);
            const TemporaryFolder after;
            disk.play_power_cut(cut, after.path(), random);
            test::UnsyncedFileSystem fast;
            const ReplacedFileSystem replaced(fast);
            std::size_t asked_twice = 0;
            ScriptedJudge second([&](const ScriptedCall& call) {
                asked_twice += std::ranges::count(asked, item_of(call)) > 0 ? 1 : 0;
                return replied(kGoodReply);
            });
            options.folder = after / "runs/run";
            const JudgeSummary summary = run(second, some_tasks(kTasks), Price{1, 1});
            EXPECT_TRUE(summary.finished());
            EXPECT_EQ(records().size(), kTasks);
            EXPECT_LE(asked_twice, static_cast<std::size_t>(concurrency));
            EXPECT_GE(asked.size() + second.calls(), kTasks);
            EXPECT_GE(summary.progress.bill.attempts, asked.size() + second.calls());
            EXPECT_LE(summary.progress.bill.attempts,
                      asked.size() + second.calls() + static_cast<std::size_t>(concurrency))
                << "sent by the ledger, cut before it was";
            if (::testing::Test::HasFailure()) return;
        }
    }
}

TEST_F(JudgeRunTest, a_second_run_in_the_same_folder_is_refused) {
    ScriptedJudge inner([](const ScriptedCall&) { return replied(kGoodReply); });
    JudgeRunOptions same = options;
    same.judges = {{&inner, std::nullopt, {}}};
    std::string refusal;
    ScriptedJudge outer([&](const ScriptedCall&) {
        refusal = message_of([&] { run_judges(some_tasks(1), same); });
        return replied(kGoodReply);
    });
    run(outer, some_tasks(1));
    EXPECT_TRUE(contains(refusal, "is being written by another run"));
    EXPECT_EQ(inner.calls(), 0u);
}

}  // namespace
}  // namespace urial::eval
