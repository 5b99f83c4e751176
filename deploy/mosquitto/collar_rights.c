/* Rights of collars that Mosquitto 2.0's access list does not know: which filters they may subscribe to, and how much of the
 * broker's memory one connection may fill. Loaded on the collars' listener only; it denies or defers, so the access list still
 * decides on what is written and read. Why it is so: docs/decisions/broker-subscriptions.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <mqtt_protocol.h>
#include <uthash.h>

#define ROOT "devices/"
/* A filter is refused for free, but each one is answered by a byte that waits until the collar reads it. */
#define FILTERS_MOST 100000
/* What a collar hears of its own words waits in the broker, too; nobody needs more than the presence that is retained. */
#define ECHO_MOST_BYTES (1024 * 1024)
#define ECHO_OVERHEAD_BYTES 512 /* of a message that waits, beside its payload; measured, rounded up */

struct session {
	const struct mosquitto *client;
	size_t filters, echo;
	UT_hash_handle hh;
};

/* One listener: the names from its configuration, with spaces around each, and its connections. */
struct rights {
	mosquitto_plugin_id_t *id;
	const char *topics, *commands;
	struct session *sessions;
};

static struct session *session_of(struct rights *rights, const struct mosquitto *client)
{
	struct session *found;

	HASH_FIND_PTR(rights->sessions, &client, found);
	if(found == NULL && (found = mosquitto_calloc(1, sizeof(*found))) != NULL){
		found->client = client;
		HASH_ADD_PTR(rights->sessions, client, found);
	}
	return found;
}

static bool is_listed(const char *name, const char *list)
{
	size_t length = strlen(name);
	const char *at = list;

	while(length && (at = strstr(at, name)) != NULL){
		if((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0')) return strchr(name, ' ') == NULL;
		at += length;
	}
	return false;
}

/* What follows `devices/<the collar's name>/`; NULL when it is not its own. */
static const char *own_part(const struct mosquitto *client, const char *topic)
{
	const char *name = mosquitto_client_username(client);
	size_t root = strlen(ROOT), length = name ? strlen(name) : 0;

	if(length == 0 || strncmp(topic, ROOT, root) || strncmp(topic + root, name, length)) return NULL;
	topic += root + length;
	return *topic == '/' ? topic + 1 : NULL;
}

/* A finite set: no collar can hold more subscriptions than these, however often it asks. */
static bool may_subscribe(const struct rights *rights, const struct mosquitto *client, const char *filter)
{
	const char *part = own_part(client, filter);

	if(part == NULL) return false;
	if(!strncmp(part, "cmd/", 4)) return is_listed(part + 4, rights->commands) || !strcmp(part + 4, "#") || !strcmp(part + 4, "+");
	return is_listed(part, rights->topics) || !strcmp(part, "#") || !strcmp(part, "+");
}

static int check_filter(struct rights *rights, const struct mosquitto_evt_acl_check *asked)
{
	struct session *session = session_of(rights, asked->client);

	if(session == NULL) return MOSQ_ERR_NOMEM;
	if(++session->filters > FILTERS_MOST){
		/* Not by an error: Mosquitto 2.0 then forgets to free the answers so far. The session's record goes with this. */
		mosquitto_kick_client_by_clientid(mosquitto_client_id(asked->client), true);
		return MOSQ_ERR_ACL_DENIED;
	}
	if(asked->access == MOSQ_ACL_UNSUBSCRIBE) return MOSQ_ERR_SUCCESS;
	return may_subscribe(rights, asked->client, asked->topic) ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
}

/* Each message of QoS 2 that the collar never releases would be kept. */
static int check_word(const struct mosquitto_evt_acl_check *asked)
{
	return asked->qos > 1 ? MOSQ_ERR_ACL_DENIED : MOSQ_ERR_PLUGIN_DEFER;
}

/* Commands are ours and few. The rest is the collar's own word, which it could send without end and never read. */
static int check_echo(struct rights *rights, const struct mosquitto_evt_acl_check *asked)
{
	const char *part = own_part(asked->client, asked->topic);
	struct session *session;

	if(part == NULL || !strncmp(part, "cmd/", 4)) return MOSQ_ERR_PLUGIN_DEFER;
	if((session = session_of(rights, asked->client)) == NULL) return MOSQ_ERR_NOMEM;
	if(session->echo > ECHO_MOST_BYTES) return MOSQ_ERR_ACL_DENIED;
	session->echo += asked->payloadlen + ECHO_OVERHEAD_BYTES;
	return MOSQ_ERR_PLUGIN_DEFER;
}

static int on_check(int event, void *data, void *self)
{
	const struct mosquitto_evt_acl_check *asked = data;

	(void)event;
	if(asked->access & (MOSQ_ACL_SUBSCRIBE | MOSQ_ACL_UNSUBSCRIBE)) return check_filter(self, asked);
	return asked->access & MOSQ_ACL_READ ? check_echo(self, asked) : check_word(asked);
}

/* Properties of a message are stored with it, and no bound of the broker counts them: 16 KiB of them take 500. We read none. */
static int on_message(int event, void *data, void *self)
{
	struct mosquitto_evt_message *message = data;

	(void)event;
	(void)self;
	mosquitto_property_free_all(&message->properties);
	return MOSQ_ERR_SUCCESS;
}

static int on_disconnect(int event, void *data, void *self)
{
	const struct mosquitto_evt_disconnect *gone = data;
	struct rights *rights = self;
	struct session *session;

	(void)event;
	HASH_FIND_PTR(rights->sessions, &gone->client, session);
	if(session != NULL){
		HASH_DEL(rights->sessions, session);
		mosquitto_free(session);
	}
	return MOSQ_ERR_SUCCESS;
}

static const struct {
	int event;
	MOSQ_FUNC_generic_callback act;
} CALLBACKS[] = {
	{MOSQ_EVT_ACL_CHECK, on_check},
	{MOSQ_EVT_MESSAGE, on_message},
	{MOSQ_EVT_DISCONNECT, on_disconnect},
};

#define COUNT (sizeof(CALLBACKS) / sizeof(CALLBACKS[0]))

int mosquitto_plugin_version(int count, const int *versions)
{
	for(int i = 0; i < count; i++){
		if(versions[i] == MOSQ_PLUGIN_VERSION) return MOSQ_PLUGIN_VERSION;
	}
	return -1;
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *id, void **self, struct mosquitto_opt *options, int count)
{
	struct rights *rights = mosquitto_calloc(1, sizeof(*rights));

	if(rights == NULL) return MOSQ_ERR_NOMEM;
	rights->id = id;
	rights->topics = rights->commands = "";
	for(int i = 0; i < count; i++){ /* the options live as long as the broker */
		if(!strcmp(options[i].key, "topics")) rights->topics = options[i].value;
		if(!strcmp(options[i].key, "commands")) rights->commands = options[i].value;
	}
	*self = rights;
	for(size_t i = 0; i < COUNT; i++){
		int refused = mosquitto_callback_register(id, CALLBACKS[i].event, CALLBACKS[i].act, NULL, rights);
		if(refused) return refused;
	}
	return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_cleanup(void *self, struct mosquitto_opt *options, int count)
{
	struct rights *rights = self;
	struct session *session, *next;

	(void)options;
	(void)count;
	for(size_t i = 0; i < COUNT; i++) mosquitto_callback_unregister(rights->id, CALLBACKS[i].event, CALLBACKS[i].act, NULL);
	HASH_ITER(hh, rights->sessions, session, next){
		HASH_DEL(rights->sessions, session);
		mosquitto_free(session);
	}
	mosquitto_free(rights);
	return MOSQ_ERR_SUCCESS;
}
