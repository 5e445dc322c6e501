// What can be odd about an HTTP/1 message that is read all the same: the names in
// Message::anomalies. Several of them are how request smuggling begins, where two readers of one
// connection disagree about where a message ends.
#pragma once

#include <string_view>

namespace gray::http1::anomaly {

// Lines and headers (RFC 9112 section 2.2 and 5).
inline constexpr std::string_view kBareLf = "bare-lf";  ///< a line that ends without CR
inline constexpr std::string_view kBareCr = "bare-cr";  ///< in a line; read as a space
inline constexpr std::string_view kFolded = "folded-header";
inline constexpr std::string_view kSpaceBeforeColon = "space-before-colon";  ///< read as without it
inline constexpr std::string_view kNoColon = "header-without-colon";         ///< left out
inline constexpr std::string_view kSpaceFirst = "space-before-headers";      ///< line left out
inline constexpr std::string_view kBadName = "bad-header-name";              ///< not a token
inline constexpr std::string_view kControl = "control-character";            ///< in a value
// Start line and Host (section 3).
inline constexpr std::string_view kSpaceInTarget = "space-in-target";
inline constexpr std::string_view kOddVersion = "unknown-version";
inline constexpr std::string_view kHostMissing = "host-missing";  ///< HTTP/1.1 wants one
inline constexpr std::string_view kHostRepeated = "host-repeated";
inline constexpr std::string_view kHostDiffers = "host-differs-from-target";
// Where the body ends (section 6).
inline constexpr std::string_view kLengthRepeated = "content-length-repeated";  ///< the same value
/// Both end the reading of the message (section 6.3, item 5), unless its transfer coding counts.
inline constexpr std::string_view kLengthsDiffer = "content-lengths-differ";
inline constexpr std::string_view kLengthInvalid = "content-length-invalid";
/// The transfer coding counts (section 6.3, item 3).
inline constexpr std::string_view kLengthAndCoding = "content-length-and-transfer-encoding";
/// A response goes on to the end of the connection; a request has no length, and is read as its
/// server may have: chunked when that is named at all, else by its Content-Length (item 4).
inline constexpr std::string_view kChunkedNotLast = "chunked-not-last";
inline constexpr std::string_view kChunkedTwice = "chunked-twice";
inline constexpr std::string_view kUnknownCoding = "unknown-transfer-coding";
inline constexpr std::string_view kCodingIn10 = "transfer-encoding-in-http-1.0";
/// No size, one that is too great, or data that is longer: ends the reading (section 7.1).
inline constexpr std::string_view kChunkInvalid = "chunk-invalid";
// Why else the reading of a message ended.
inline constexpr std::string_view kHeadTooLong = "head-too-long";  ///< or no memory is left for it
inline constexpr std::string_view kHeadGarbage = "garbage-in-headers";  ///< no text
// What the capture lacks.
inline constexpr std::string_view kGapInHead = "gap-in-headers";
inline constexpr std::string_view kGapInBody = "gap-in-body";

}  // namespace gray::http1::anomaly
