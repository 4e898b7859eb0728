# Chooses ggml's instruction sets by name. `-march=native` and the CPU's own word about AMX are not trusted: some
# virtual machines announce AMX and kill the process at its first instruction, so AMX is on only when asked for.
#
#   URIAL_CPU=auto       the sets that this machine announces, AMX excepted (the default)
#   URIAL_CPU=portable   AVX2, FMA, F16C, BMI2: any x86-64 machine since 2015
#   URIAL_CPU=manual     whatever GGML_* variables the command line gives
set(URIAL_CPU "auto" CACHE STRING "Instruction sets: auto, portable or manual")
set_property(CACHE URIAL_CPU PROPERTY STRINGS auto portable manual)

set(GGML_NATIVE OFF CACHE BOOL "" FORCE)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND NOT URIAL_CPU STREQUAL "manual")
    set(flags "")
    if(URIAL_CPU STREQUAL "auto" AND EXISTS /proc/cpuinfo)
        file(STRINGS /proc/cpuinfo lines REGEX "^flags" LIMIT_COUNT 1)
        string(REPLACE " " ";" flags "${lines}")
    else()
        set(flags sse4_2 avx avx2 fma f16c bmi2)
    endif()
    # ggml's variable and every flag of /proc/cpuinfo that it needs.
    set(sets
        "GGML_SSE42:sse4_2" "GGML_AVX:avx" "GGML_AVX2:avx2" "GGML_FMA:fma" "GGML_F16C:f16c" "GGML_BMI2:bmi2"
        "GGML_AVX512:avx512f,avx512bw,avx512dq,avx512vl,avx512cd" "GGML_AVX512_VBMI:avx512vbmi"
        "GGML_AVX512_VNNI:avx512_vnni" "GGML_AVX512_BF16:avx512_bf16" "GGML_AVX_VNNI:avx_vnni")
    foreach(entry IN LISTS sets)
        string(REGEX MATCH "^([^:]+):(.+)$" _ "${entry}")
        set(variable "${CMAKE_MATCH_1}")
        string(REPLACE "," ";" needed "${CMAKE_MATCH_2}")
        set(available ON)
        foreach(flag IN LISTS needed)
            if(NOT flag IN_LIST flags)
                set(available OFF)
            endif()
        endforeach()
        set(${variable} ${available} CACHE BOOL "" FORCE)
    endforeach()
    foreach(amx GGML_AMX_TILE GGML_AMX_INT8 GGML_AMX_BF16)
        if(NOT DEFINED ${amx})
            set(${amx} OFF CACHE BOOL "")
        endif()
    endforeach()
endif()
