// The names whose values are secrets, whatever they look like: the other half of the built-in set
// (the patterns are in finding.h).
//
// Headers: Authorization and Proxy-Authorization (the scheme stays), Cookie and Set-Cookie (each
// value), and every name that contains token, secret, api-key, apikey, password, passwd, session,
// signature, credential, private-key, access-key or jwt.
// Fields of query, form, JSON and text, whatever their case, hyphens, underscores and dots:
//   token password passwords passwd passcode pwd passphrase pass secret secrets apikey accesskey
//   secretkey secretaccesskey privatekey sessionkey encryptionkey session sessionid sessid sid
//   jsessionid phpsessid jwt auth authorization authcode signature sign sig credential credentials
//   otp totp mfacode pin pincode cvv cvv2 cvc cvc2 securitycode imsi bearer cookie
// and what ends in token, password, passwd, passcode, secret, apikey, secretkey, privatekey,
// accesskey, signature or sessionid (access_token, clientSecret, X-Amz-Signature), but for the
// page, next and continuation tokens of lists. `code` of OAuth (RFC 6749) only in query and form,
// when it has 16 characters or more. Of user[password] the last part counts.
#pragma once

#include <string_view>

namespace gray {

bool is_secret_name(std::string_view name) noexcept;
/// Query and form fields: also OAuth's code.
bool is_secret_parameter(std::string_view name, std::string_view value) noexcept;
bool is_secret_header(std::string_view name) noexcept;

}  // namespace gray
