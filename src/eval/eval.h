#pragma once

// Measuring answers: data sets and rubrics in, judges' replies read strictly, tables with intervals out. Whoever talks
// to a judge calls render(), then parse_reply(), and keeps an EvalRecord. Everything but judges and the load_*, save_*
// and import_* functions is pure; only local_judge.h needs a model; nothing here prints.
//
//   dataset.h     items and answers from files, filters
//   rubric.h      what a judge is asked, the schema of its reply, attempts to steer it
//   verdict.h     a reply becomes verdicts
//   record.h      items, answers, verdicts, records, run folders
//   summary.h     means by aspect, task, topic, source, difficulty; comparison of two runs
//   win_rate.h    pairwise records: wins, flips, length-controlled rate
//   mt_bench.h    two turns, categories
//   original.h    the original authors' files and rules
//   statistics.h  bootstrap, sign flips, measures of agreement
//   agreement.h   raters against raters, the judges of a jury
//   judge.h       whoever is asked; local_judge.h a model in this process

#include "eval/agreement.h"
#include "eval/dataset.h"
#include "eval/mt_bench.h"
#include "eval/original.h"
#include "eval/record.h"
#include "eval/rubric.h"
#include "eval/statistics.h"
#include "eval/summary.h"
#include "eval/verdict.h"
#include "eval/win_rate.h"
