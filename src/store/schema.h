#pragma once

// The tables of the store, and how a file of an older version becomes one of this.

#include <span>

#include "store/sqlite.h"

namespace urial::store {

/// Statements that bring a database from version I (the index) to I + 1; the first creates it.
std::span<const char* const> schema_steps();

/// Makes the database one of ours and of the version that `steps` lead to. A file that has conversations is first
/// copied to "PATH.vN" (N: its version). Throws Error{BadInput} for a database of another program and for a newer
/// version, which both stay as they are.
void bring_up_to_date(Database& database, std::span<const char* const> steps = schema_steps());

}  // namespace urial::store
