/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may ask. On a loopback address everybody on this machine may, but only by a name of this machine: a foreign web
 * page that rebinds its own name to 127.0.0.1 is turned away by the Host header. Elsewhere a token is required; who has
 * one may use any name, such as that of a reverse proxy. Pages of other sites are turned away in any case.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "preview.h"

#define TOKEN_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
#define TOKEN_LEAST   8
#define TOKEN_MOST    256

static bool guard_is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

/* "127.0.0.1:8090", "[::1]:8090", "localhost:8090" into its two parts. */
static int guard_split(const char *listen, char *host, size_t room, const char **out_port)
{
	const char *colon = strrchr(listen, ':');
	if (!colon || colon == listen || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return -EINVAL;
	size_t length = (size_t)(colon - listen);
	if (listen[0] == '[') {
		if (listen[length - 1] != ']')
			return -EINVAL;
		listen++;
		length -= 2;
	}
	if (length == 0 || length >= room || atol(colon + 1) > 65535)
		return -EINVAL;
	memcpy(host, listen, length);
	host[length] = 0;
	*out_port = colon + 1;
	return 0;
}

static int guard_check_token(struct preview *preview)
{
	const char *token = preview->config->token ? preview->config->token : "";
	size_t length = strlen(token);
	if (!length && preview->http.loopback)
		return 0;
	if (!length) {
		role_error(
		    preview->role,
		    "listen is %s, which others can reach, and there is no token: set preview.token (at least %d "
		    "letters), or listen on 127.0.0.1",
		    preview->config->listen, TOKEN_LEAST);
		return -EINVAL;
	}
	if (length < TOKEN_LEAST || length > TOKEN_MOST || strspn(token, TOKEN_LETTERS) != length) {
		role_error(preview->role, "token must be %d to %d letters, digits or any of -._~ but has %zu%s",
		           TOKEN_LEAST, TOKEN_MOST, length,
		           strspn(token, TOKEN_LETTERS) != length ? " with others in it" : "");
		return -EINVAL;
	}
	return 0;
}

/* Bind and listen; sets http.address to what it really became (port 0 picks one). */
static int guard_bind(struct preview *preview, const struct addrinfo *info)
{
	struct http *http = &preview->http;
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
	if (fd < 0)
		return -errno;
	http->listen_fd = fd;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, 128) < 0)
		return -errno;
	struct sockaddr_storage bound;
	socklen_t length = sizeof(bound);
	if (getsockname(fd, (struct sockaddr *)&bound, &length) < 0)
		return -errno;
	char port[8];
	int status = getnameinfo((struct sockaddr *)&bound, length, http->host, sizeof(http->host), port, sizeof(port),
	                         NI_NUMERICHOST | NI_NUMERICSERV);
	if (status)
		return -EINVAL;
	bool six = bound.ss_family == AF_INET6;
	snprintf(http->address, sizeof(http->address), six ? "[%s]:%s" : "%s:%s", http->host, port);
	return 0;
}

static void guard_explain(struct preview *preview, int status)
{
	const char *listen = preview->config->listen;
	if (status == -EADDRINUSE)
		role_error(
		    preview->role,
		    "cannot listen on %s: another program listens there; end it, or set preview.listen to another "
		    "port, such as 127.0.0.1:8091",
		    listen);
	else if (status == -EADDRNOTAVAIL)
		role_error(
		    preview->role,
		    "cannot listen on %s: this machine has no such address; set preview.listen to one of its own",
		    listen);
	else if (status == -EACCES)
		role_error(preview->role,
		           "cannot listen on %s: ports below 1024 need root; set preview.listen to a higher port",
		           listen);
	else
		role_error(preview->role, "cannot listen on %s: %s", listen, strerror(-status));
}

int guard_open(struct preview *preview)
{
	const char *listen = preview->config->listen, *port;
	char host[64];
	preview->http.listen_fd = -1;
	if (guard_split(listen, host, sizeof(host), &port) < 0) {
		role_error(preview->role, "listen must be ADDRESS:PORT, such as 127.0.0.1:8090, but is \"%s\"", listen);
		return -EINVAL;
	}
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE}, *info;
	/* Only this one name is looked up: a name server could not be trusted with what is reachable from outside. */
	hints.ai_flags |= strcmp(host, "localhost") ? AI_NUMERICHOST : 0;
	if (getaddrinfo(strcmp(host, "localhost") ? host : "127.0.0.1", port, &hints, &info)) {
		role_error(preview->role, "listen must be a numeric address or localhost and a port, but is \"%s\"",
		           listen);
		return -EINVAL;
	}
	preview->http.loopback = guard_is_loopback(info->ai_addr);
	int status = guard_check_token(preview);
	if (!status) {
		status = guard_bind(preview, info);
		if (status < 0)
			guard_explain(preview, status);
	}
	freeaddrinfo(info);
	return status;
}

/* Time does not depend on where the two differ. */
static bool guard_equal(const char *got, const char *wanted)
{
	size_t got_length = strlen(got), length = strlen(wanted);
	unsigned char difference = got_length != length;
	for (size_t i = 0; i < length; i++)
		difference |= (unsigned char)wanted[i] ^ (unsigned char)(i < got_length ? got[i] : 0);
	return !difference;
}

static bool guard_host_allowed(const struct http *http, const char *host)
{
	if (!host || !http->loopback)
		return true;
	char name[80];
	size_t length = strlen(host);
	const char *colon = strrchr(host, ':'), *bracket = strrchr(host, ']');
	if (colon && (!bracket || colon > bracket))
		length = (size_t)(colon - host);
	if (length >= sizeof(name))
		return false;
	memcpy(name, host, length);
	name[length] = 0;
	return !strcasecmp(name, "localhost") || !strcmp(name, "127.0.0.1") || !strcmp(name, "[::1]") ||
	       !strcmp(name, http->host);
}

static const char *guard_header(const struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, name);
}

static bool guard_has_token(const struct preview *preview)
{
	return preview->config->token && preview->config->token[0];
}

static void guard_cookie_name(const struct preview *preview, char *out, size_t room)
{
	const char *port = strrchr(preview->http.address, ':');
	snprintf(out, room, "zoetrope-%s", port ? port + 1 : "");
}

void guard_cookie(const struct request *request, char *out, size_t room)
{
	const char *scheme = guard_header(request, "X-Forwarded-Proto");
	char name[32];
	guard_cookie_name(request->preview, name, sizeof(name));
	snprintf(out, room, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s", name, request->preview->config->token,
	         scheme && !strcasecmp(scheme, "https") ? "; Secure" : "");
}

unsigned guard_origin(struct request *request, const char **out_reason)
{
	const char *host = guard_header(request, MHD_HTTP_HEADER_HOST);
	const char *origin = guard_header(request, MHD_HTTP_HEADER_ORIGIN);
	const char *site = guard_header(request, "Sec-Fetch-Site");
	if (!guard_has_token(request->preview) && !guard_host_allowed(&request->preview->http, host)) {
		*out_reason = "the Host of this request is no name of this machine; ask for localhost or 127.0.0.1";
		return MHD_HTTP_FORBIDDEN;
	}
	bool reads = !strcmp(request->method, MHD_HTTP_METHOD_GET) || !strcmp(request->method, MHD_HTTP_METHOD_HEAD);
	const char *name = origin ? strstr(origin, "://") : NULL;
	bool foreign = origin && (!name || !host || strcasecmp(name + 3, host) != 0);
	if (site && !strncmp(request->path, "/api/", 5))
		foreign |= strcmp(site, "same-origin") && strcmp(site, "none");
	else
		foreign &= !reads;
	if (foreign) {
		*out_reason =
		    "this request comes from a page of another site, which may neither read nor turn anything here";
		return MHD_HTTP_FORBIDDEN;
	}
	return MHD_HTTP_OK;
}

bool guard_token(struct request *request, bool *out_cookie)
{
	const char *token = request->preview->config->token;
	*out_cookie = false;
	if (!guard_has_token(request->preview))
		return true;
	const char *header = guard_header(request, MHD_HTTP_HEADER_AUTHORIZATION);
	if (header && !strncasecmp(header, "Bearer ", 7) && guard_equal(header + 7, token))
		return true;
	const char *argument = MHD_lookup_connection_value(request->mhd, MHD_GET_ARGUMENT_KIND, "token");
	if (argument && guard_equal(argument, token)) {
		*out_cookie = true;
		return true;
	}
	char name[32];
	guard_cookie_name(request->preview, name, sizeof(name));
	const char *cookie = MHD_lookup_connection_value(request->mhd, MHD_COOKIE_KIND, name);
	return cookie && guard_equal(cookie, token);
}

bool guard_form(const struct request *request)
{
	const char *key = "token=";
	return guard_has_token(request->preview) && strlen(request->body) == request->body_size &&
	       !strncmp(request->body, key, strlen(key)) &&
	       guard_equal(request->body + strlen(key), request->preview->config->token);
}
