#pragma once

// What a judging run writes while it works, so that it can be killed at any byte and go on: records.jsonl (what was
// judged), raw.jsonl (requests and replies) and ledger.jsonl (every attempt, before it is sent and after it ended).
// One process owns the three files; its threads share the object. All files are readable by their owner alone.

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/mutex.h"
#include "eval/judge.h"
#include "eval/record.h"

namespace urial::eval {

inline constexpr unsigned kPrivate = 0600;

/// No request of this judgement got a reply: the next run asks again.
bool is_request_failure(const EvalRecord& record);

/// The sum of all attempts of all runs in a folder.
struct Bill {
    std::size_t attempts = 0;   ///< requests sent
    std::size_t failed = 0;     ///< of them, ended without a reply
    std::size_t unsettled = 0;  ///< of them, in flight now or when a run was killed: billed or not, nobody knows
    std::size_t prompt_tokens = 0;
    std::size_t completion_tokens = 0;
    double cost = 0;           ///< USD; what is not known counts with the most that it can be
    std::size_t unpriced = 0;  ///< attempts that no price is known for and that may have cost something
};
Json to_json(const Bill& bill);
/// What to_json() gave; a field that is missing or no number is 0.
Bill bill_from_json(const Json& json);

/// One request that was or will be sent.
struct Attempt {
    std::string key;  ///< task_key()
    int number = 0;   ///< of this judgement, from 1, counted over all runs
    std::string judge;
    std::string item;
    std::optional<double> most_cost;  ///< USD; std::nullopt: no price
};

class JudgeLog {
public:
    /// Makes the folder, locks the files and, when all in them is proved to be of such a run, repairs torn tails.
    /// Throws Error{Unavailable} when another run writes there, Error{BadInput} when the folder holds something else,
    /// judgements that are not in `keys`, or damaged lines that money was paid for.
    JudgeLog(const std::filesystem::path& folder, const std::set<std::string>& keys);

    /// Lines for people about what was found: repaired bytes, attempts without an end, failures to be tried again.
    const std::vector<std::string>& notices() const { return notices_; }
    bool is_recorded(const std::string& key) const { return recorded_.contains(key); }
    std::size_t recorded() const { return recorded_.size(); }
    std::size_t unscored() const { return unscored_; }
    /// Takes the records of failed requests out of the file, for new ones to follow. The manifest must say by now that
    /// the run is not finished.
    void forget_failures();
    /// All that was appended is on the disk.
    void sync();
    /// From here on lines reach the disk with sync() alone: for replies that lie in a file anyway.
    void begin_bulk();
    /// Replies that came in an earlier run to a judgement that it had no time to record.
    const std::vector<std::string>& replies(const std::string& key) const;
    /// Thread-safe, like what follows.
    Bill bill() const;

    /// On the disk before the request is sent; the attempt gets its number.
    void begin(Attempt& attempt);
    /// The reply is on the disk. `cost` in USD, std::nullopt where it is not known.
    void end(const Attempt& attempt, const JudgeReply& reply, std::optional<double> cost);
    /// `attempts` of the record becomes the number of all requests that were sent for it.
    void record(const std::string& key, EvalRecord record);

private:
    struct Ended {
        std::optional<Usage> usage;
        std::optional<double> cost;
        bool failed = false;
    };
    using Lines = std::vector<std::size_t>;  // numbers of damaged ones
    Lines read_records(const std::set<std::string>& keys) REQUIRES(mutex_);
    Lines read_ledger() REQUIRES(mutex_);
    Lines read_raw() REQUIRES(mutex_);
    void repair(JsonLinesWriter& file, const Lines& damaged);
    void end_cut_off() REQUIRES(mutex_);
    void sync_now(JsonLinesWriter& file) REQUIRES(mutex_);
    void end_in_ledger(const Attempt& attempt, const Ended& ended) REQUIRES(mutex_);
    void settle(const Attempt& attempt, const Ended& ended) REQUIRES(mutex_);

    std::vector<std::string> notices_;
    std::set<std::string> recorded_;  // by earlier runs
    std::size_t unscored_ = 0;        // of those records
    std::size_t failures_ = 0;        // records that are to be forgotten
    std::map<std::string, std::vector<std::string>> replies_;
    std::vector<std::pair<Attempt, Ended>> cut_off_;  // the raw reply is there, the ledger does not know that it ended
    mutable Mutex mutex_;
    JsonLinesWriter records_ GUARDED_BY(mutex_);
    JsonLinesWriter raw_ GUARDED_BY(mutex_);
    JsonLinesWriter ledger_ GUARDED_BY(mutex_);
    std::map<std::string, int> attempts_ GUARDED_BY(mutex_);                     // by key
    std::map<std::pair<std::string, int>, Attempt> unended_ GUARDED_BY(mutex_);  // by key and number
    bool is_bulk_ GUARDED_BY(mutex_) = false;
    Bill bill_ GUARDED_BY(mutex_);  // of those that ended
};

/// The keys of the judgements that a folder holds and that need not be asked again; none where there is no such folder.
std::set<std::string> recorded_keys(const std::filesystem::path& folder);

}  // namespace urial::eval
