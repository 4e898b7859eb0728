#include "http/client.h"

#include <algorithm>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/mutex.h"
#include "base/text.h"

namespace urial::http {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// How long a thread waits at most until it looks again whether it should stop.
constexpr milliseconds kLook{50};
/// Without a connection to any server so many times in a row, each after a longer wait, nobody is there.
constexpr int kMostUnreached = 6;
/// Likewise where servers answer, but never well.
constexpr int kMostFailures = 24;
constexpr std::size_t kMostGetBytes = 4u << 20;

Server checked(Server server) {
    switch (form_of_address(server.base_url)) {
        case AddressForm::Plain: break;
        case AddressForm::NoAddress:
            // The message repeats nothing that could be a password.
            throw error(ErrorKind::BadInput, "'{}' is no address of a server; https://HOST/v1 is needed",
                        server.base_url.find('@') != std::string::npos ? "..." : printable(server.base_url));
        case AddressForm::MayHoldSecret:
            throw error(ErrorKind::BadInput,
                        "the address of a server has a user name, a query or a fragment: these would be written into "
                        "the run; give https://HOST/v1 alone and the key in {}",
                        server.key_name);
    }
    while (server.base_url.ends_with('/')) server.base_url.pop_back();
    server.key = trim(server.key);
    const auto is_plain = [](char c) { return c > ' ' && c <= '~'; };
    if (!std::ranges::all_of(server.key, is_plain)) {
        throw error(ErrorKind::BadInput, "the key has a blank or a byte that is no ASCII: look at {}", server.key_name);
    }
    return server;
}

}  // namespace

// ---- who is busy, who is left out -----------------------------------------------------------------------------------

// The number of requests that a server gets at the same time is its limit. It begins at what the caller wants; a
// refusal for too much work halves it, and each success lets it grow: by one up to half of where it was, by one a round
// beyond, as TCP finds the rate of a network. A server that is gone begins again at one.
struct Client::Load {
    struct Seat {
        Server server;
        std::size_t under_way = 0;
        double limit = 1;
        double threshold = 1;
        int failures = 0;   // in a row, of which many at the same time count once
        int unreached = 0;  // likewise
        Clock::time_point rests_until{};
        Clock::time_point cut_at{};  // what began before was not yet under the present limit
        std::string reason;          // of the last failure
    };

    enum class Resting { LeaveOut, TakeIfNoOther };

    Load(std::vector<Server> given, ClientOptions client_options) : options(std::move(client_options)) {
        if (given.empty()) throw Error(ErrorKind::BadInput, "no server is named; https://HOST/v1 is needed");
        for (Server& server : given) servers.push_back(checked(std::move(server)));
        const MutexLock lock(mutex);
        for (const Server& server : servers) {
            const auto most = static_cast<double>(std::max<std::size_t>(1, options.most_at_once));
            seats.push_back({.server = server, .limit = most, .threshold = most});
        }
    }

    /// The least busy server that has room; the one after the last that was taken, of equals.
    std::optional<std::size_t> find(Resting resting) REQUIRES(mutex) {
        if (under_way >= std::max<std::size_t>(1, options.most_at_once)) return std::nullopt;
        const Clock::time_point now = Clock::now();
        std::optional<std::size_t> best;
        const auto better = [&](const Seat& a, const Seat& b) REQUIRES(mutex) {
            const auto due = [&](const Seat& seat) { return std::max(seat.rests_until, now); };
            return std::pair(due(a), a.under_way) < std::pair(due(b), b.under_way);
        };
        for (std::size_t i = 0; i < seats.size(); ++i) {
            const std::size_t index = (next + i) % seats.size();
            const Seat& seat = seats[index];
            if (static_cast<double>(seat.under_way) + 1 > std::max(1.0, seat.limit)) continue;
            if (seat.rests_until > now && resting == Resting::LeaveOut) continue;
            if (!best || better(seat, seats[*best])) best = index;
        }
        return best;
    }

    std::optional<std::size_t> take(Resting resting, Clock::time_point deadline, const IsStopped& is_stopped) {
        for (;;) {
            if ((is_stopped && is_stopped()) || Clock::now() >= deadline) return std::nullopt;
            const MutexLock lock(mutex);
            if (resting == Resting::LeaveOut) check_hope();
            if (const auto found = find(resting)) {
                next = *found + 1;
                ++seats[*found].under_way;
                ++under_way;
                return found;
            }
            room.wait_for(mutex, kLook, [this, resting]() REQUIRES(mutex) { return find(resting).has_value(); });
        }
    }

    void check_hope() REQUIRES(mutex) {
        const auto is_hopeless = [](const Seat& seat) {
            return seat.unreached >= kMostUnreached || seat.failures >= kMostFailures;
        };
        if (!std::ranges::all_of(seats, is_hopeless)) {
            check_wishes();
            return;
        }
        std::string all;
        for (Seat& seat : seats) {
            all += fmt::format("\n{}: {}", seat.server.base_url, seat.reason);
            seat.failures = 0;  // who asks again later means it
            seat.unreached = 0;
            seat.rests_until = {};
        }
        throw error(ErrorKind::Unavailable,
                    "{}:{}\nlook whether the server runs and the address is right; the same command goes on where it "
                    "stopped",
                    seats.size() == 1 ? "the server does not answer" : "none of the servers answers", all);
    }

    void check_wishes() REQUIRES(mutex) {
        const Clock::time_point now = Clock::now();
        Clock::duration shortest = Clock::duration::max();
        for (const Seat& seat : seats) shortest = std::min(shortest, seat.rests_until - now);
        // A wait as long as the wish may have a jitter of its own.
        if (shortest <= 2 * options.retry.longest_retry_after) return;
        throw error(ErrorKind::Unavailable, "{} asks to come back in {}: run the same command again then",
                    seats.front().server.base_url, human_seconds(std::chrono::duration<double>(shortest).count()));
    }

    void end(std::size_t index, Clock::time_point began, const Attempt& attempt) {
        const MutexLock lock(mutex);
        Seat& seat = seats[index];
        --seat.under_way;
        --under_way;
        if (attempt.outcome == Outcome::Done || attempt.outcome == Outcome::Refused) {
            seat.failures = 0;
            seat.unreached = 0;
            seat.limit += seat.limit < seat.threshold ? 1 : 1 / seat.limit;
            seat.limit = std::min(seat.limit, static_cast<double>(options.most_at_once));
        } else {
            seat.reason = attempt.reason;
            if (began >= seat.cut_at) cut(seat, attempt);
        }
        room.notify_all();
    }

    void cut(Seat& seat, const Attempt& attempt) REQUIRES(mutex) {
        const bool is_busy = attempt.outcome == Outcome::Busy;
        ++seat.failures;
        if (!is_busy && !attempt.reached) ++seat.unreached;
        if (is_busy) seat.threshold = std::max(1.0, static_cast<double>(seat.under_way + 1) / 2);
        seat.limit = is_busy ? seat.threshold : attempt.reached ? std::max(1.0, seat.limit / 2) : 1;
        const double chance = std::uniform_real_distribution<double>(0, 1)(random);
        seat.cut_at = Clock::now();
        seat.rests_until = seat.cut_at + wait_before_retry(options.retry, seat.failures, attempt.retry_after, chance);
    }

    std::vector<Server> servers;
    const ClientOptions options;
    Mutex mutex;
    Condition room;
    std::vector<Seat> seats GUARDED_BY(mutex);
    std::size_t under_way GUARDED_BY(mutex) = 0;
    std::size_t next GUARDED_BY(mutex) = 0;
    std::mt19937_64 random GUARDED_BY(mutex){std::random_device{}()};
};

Client::Client(std::vector<Server> servers, ClientOptions options)
    : load_(std::make_unique<Load>(std::move(servers), std::move(options))) {}

Client::~Client() = default;

const std::vector<Server>& Client::servers() const { return load_->servers; }

std::string Client::redact(std::string text) const {
    for (const Server& server : load_->servers) text = http::redact(std::move(text), server.key);
    return text;
}

Channel Client::channel(std::size_t index, milliseconds total) const {
    return {index, load_->servers.at(index), load_->options, Clock::now() + total};
}

Reply Client::post_once(const std::string& path, std::string body) {
    const auto far = Clock::time_point::max();
    const std::size_t index = load_->take(Load::Resting::TakeIfNoOther, far, {}).value();
    const Clock::time_point began = Clock::now();
    Attempt attempt{Outcome::Broken, {}, false, {}};
    try {
        const Channel channel(index, load_->servers[index], load_->options, far);
        Reply reply = channel.post(path, std::move(body));
        load_->end(index, began, attempt_of(reply));
        return reply;
    } catch (...) {
        load_->end(index, began, attempt);
        throw;
    }
}

std::optional<Attempt> Client::run(const Try& attempt, milliseconds total, const IsStopped& is_stopped) {
    // The wait for room before the first try is not the request's: others are served meanwhile.
    Clock::time_point deadline = Clock::time_point::max();
    std::optional<Attempt> last;
    int failures = 0;
    for (;;) {
        const auto index = load_->take(Load::Resting::LeaveOut, deadline, is_stopped);
        if (!index) return last && Clock::now() >= deadline ? last : std::nullopt;
        const Clock::time_point began = Clock::now();
        if (!last) deadline = began + total;
        try {
            last = attempt(Channel(*index, load_->servers[*index], load_->options, deadline));
        } catch (...) {
            load_->end(*index, began, {});
            throw;
        }
        load_->end(*index, began, *last);
        if (last->outcome == Outcome::Done || last->outcome == Outcome::Refused) return last;
        if (last->outcome == Outcome::Broken && last->reached && ++failures >= load_->options.retry.most_failures) {
            return last;
        }
    }
}

// ---- one try --------------------------------------------------------------------------------------------------------

milliseconds Channel::time_left() const {
    if (deadline_ == Clock::time_point::max()) return options_.timeout;
    const auto left = std::chrono::duration_cast<milliseconds>(deadline_ - Clock::now());
    return std::clamp(left, milliseconds(1), options_.timeout);
}

std::string Channel::root() const {
    std::string root = server_.base_url;
    if (root.ends_with("/v1")) root.resize(root.size() - 3);
    return root;
}

Reply Channel::post(const std::string& path, std::string body, OnBody on_body, OnTick on_tick) const {
    return post_url(server_.base_url + path, std::move(body), std::move(on_body), std::move(on_tick));
}

Reply Channel::post_beside(const std::string& path, std::string body, OnBody on_body, OnTick on_tick) const {
    return post_url(root() + path, std::move(body), std::move(on_body), std::move(on_tick));
}

Reply Channel::post_url(std::string url, std::string body, OnBody on_body, OnTick on_tick) const {
    return http::post({.url = std::move(url),
                       .bearer = server_.key,
                       .body = std::move(body),
                       .timeout = time_left(),
                       .on_body = std::move(on_body),
                       .on_tick = std::move(on_tick),
                       .silence = options_.silence});
}

Reply Channel::get_url(const std::string& url, const OnTick& on_tick) const {
    std::string body;
    std::string failure;
    GetRequest request;
    request.url = url;
    request.bearer = server_.key;
    request.timeout = time_left();
    request.follow_redirects = false;
    request.on_body = [&](const Reply&, std::string_view piece) {
        body += piece;
        if (body.size() > kMostGetBytes) failure = fmt::format("the answer has more than {} bytes", kMostGetBytes);
        return failure.empty();
    };
    request.on_tick = on_tick;
    Reply reply = http::get(request);
    if (!failure.empty()) reply.failure = failure;
    if (reply.body.empty()) reply.body = std::move(body);
    return reply;
}

Reply Channel::get(const std::string& path, OnTick on_tick) const { return get_url(server_.base_url + path, on_tick); }

Reply Channel::get_beside(const std::string& path, OnTick on_tick) const { return get_url(root() + path, on_tick); }

}  // namespace urial::http
