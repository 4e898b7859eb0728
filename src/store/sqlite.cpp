#include "store/sqlite.h"

#include <new>

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/error.h"
#include "base/system_calls.h"

namespace urial::store {
namespace {

constexpr int kBusyTime = 2000;  // milliseconds that another program may read the file

std::string bytes_of(sqlite3_stmt* statement, int column) {
    const void* bytes = sqlite3_column_blob(statement, column);
    const int size = sqlite3_column_bytes(statement, column);
    return bytes == nullptr ? std::string()
                            : std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

}  // namespace

Query::Query(Database& database, const char* sql) : database_(database), sql_(sql), statement_(database.prepare(sql)) {}

Query::~Query() { database_.put_back(sql_, statement_); }

bool Query::next() {
    const int status = sqlite3_step(statement_);
    if (status == SQLITE_ROW) return true;
    if (status != SQLITE_DONE) database_.fail(status);
    return false;
}

std::int64_t Query::integer(int column) const { return sqlite3_column_int64(statement_, column); }
std::string Query::text(int column) const { return bytes_of(statement_, column); }

std::optional<std::int64_t> Query::maybe_integer(int column) const {
    if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
    return integer(column);
}

std::optional<std::string> Query::maybe_text(int column) const {
    if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
    return text(column);
}

void Query::bind(std::int64_t value) { database_.check(sqlite3_bind_int64(statement_, ++bound_, value)); }
void Query::bind(std::string_view value) {
    const char* begin = value.data() == nullptr ? "" : value.data();  // of nullptr SQLite makes NULL
    database_.check(sqlite3_bind_text64(statement_, ++bound_, begin, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}
void Query::bind(Blob value) {
    database_.check(
        sqlite3_bind_blob64(statement_, ++bound_, value.bytes.data(), value.bytes.size(), SQLITE_TRANSIENT));
}
void Query::bind_null() { database_.check(sqlite3_bind_null(statement_, ++bound_)); }

Database::Database(std::string path) : path_(std::move(path)) {
    if (path_ != ":memory:") ::close(open_file(path_, O_RDWR | O_CREAT, 0600, "open"));  // SQLite's would be 0644
    const int status = sqlite3_open_v2(path_.c_str(), &handle_,
                                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    if (status != SQLITE_OK) {
        const Error failure = error(ErrorKind::Io, "{}: cannot open the database: {}", path_,
                                    handle_ == nullptr ? "no memory" : sqlite3_errmsg(handle_));
        sqlite3_close(handle_);
        throw failure;
    }
    sqlite3_busy_timeout(handle_, kBusyTime);
    // No statement can damage the file, or reach another.
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_limit(handle_, SQLITE_LIMIT_ATTACHED, 0);
}

Database::~Database() {
    for (const auto& [sql, statements] : idle_) {
        for (sqlite3_stmt* statement : statements) sqlite3_finalize(statement);
    }
    sqlite3_close(handle_);
}

void Database::script(const char* sql) { check(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr)); }

void Database::define(const char* name, TextFunction* function) {
    const auto call = [](sqlite3_context* context, int, sqlite3_value** values) {
        const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(values[0]));
        if (text == nullptr) return sqlite3_result_null(context);
        const auto size = static_cast<std::size_t>(sqlite3_value_bytes(values[0]));
        try {
            const std::string result = reinterpret_cast<TextFunction*>(sqlite3_user_data(context))({text, size});
            sqlite3_result_text64(context, result.data(), result.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
        } catch (const std::bad_alloc&) {
            sqlite3_result_error_nomem(context);
        }
    };
    check(sqlite3_create_function_v2(handle_, name, 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
                                     reinterpret_cast<void*>(function), call, nullptr, nullptr, nullptr));
}

void Database::back_up(const std::string& path) {
    Database copy(path);
    sqlite3_backup* backup = sqlite3_backup_init(copy.handle_, "main", handle_, "main");
    if (backup != nullptr) sqlite3_backup_step(backup, -1);
    const int status = backup == nullptr ? sqlite3_errcode(copy.handle_) : sqlite3_backup_finish(backup);
    if (status != SQLITE_OK) throw error(ErrorKind::Io, "{}: cannot be written: {}", path, sqlite3_errstr(status));
}

void Database::fail(int status) const {
    switch (status & 0xff) {
        case SQLITE_FULL:
            throw error(ErrorKind::Unavailable,
                        "nothing more can be kept: the disk, or the size that is allowed, is full");
        case SQLITE_NOMEM: throw error(ErrorKind::Unavailable, "nothing more can be kept: there is no memory left");
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            throw error(ErrorKind::Unavailable, "another program holds the file of the conversations: ask again");
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            throw error(
                is_trusted_ ? ErrorKind::Io : ErrorKind::BadInput,
                "{}: is no database, or a damaged one ({}). It was left as it is: move it away, or name another "
                "folder with --data",
                path_, sqlite3_errmsg(handle_));
        default: throw error(ErrorKind::Io, "{}: {} (SQLite's status {})", path_, sqlite3_errmsg(handle_), status);
    }
}

void Database::check(int status) const {
    if (status != SQLITE_OK) fail(status);
}

sqlite3_stmt* Database::prepare(const char* sql) {
    std::vector<sqlite3_stmt*>& idle = idle_[sql];
    if (!idle.empty()) {
        sqlite3_stmt* statement = idle.back();
        idle.pop_back();
        return statement;
    }
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
    return statement;
}

void Database::put_back(const char* sql, sqlite3_stmt* statement) {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    idle_[sql].push_back(statement);
}

std::int64_t Database::changes() const { return sqlite3_changes64(handle_); }
std::int64_t Database::last_row() const { return sqlite3_last_insert_rowid(handle_); }

Transaction::Transaction(Database& database) : database_(database) { database_.run("BEGIN IMMEDIATE"); }

Transaction::~Transaction() {
    if (!is_open_ || sqlite3_get_autocommit(database_.handle_) != 0) return;
    sqlite3_exec(database_.handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
    database_.run("COMMIT");
    is_open_ = false;
}

}  // namespace urial::store
