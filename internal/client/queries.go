package client

// The operations of this client, in one place so that a change of the schema is met here.
const (
	viewerQuery = `{ viewer { id name email } }`

	requestDeviceCodeMutation = `mutation($input: RequestDeviceCodeInput!) {
  requestDeviceCode(input: $input) { deviceCode userCode verificationUrl verificationUrlComplete expiresAt interval }
}`
	exchangeDeviceCodeMutation = `mutation($input: ExchangeDeviceCodeInput!) {
  exchangeDeviceCode(input: $input) { status secret apiKey { id } user { id name } }
}`
	revokeAPIKeyMutation = `mutation($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) { apiKey { id } } }`

	projectFields = `id name description createdAt updatedAt headCursor`

	createProjectMutation = `mutation($input: CreateProjectInput!) {
  createProject(input: $input) { project { ` + projectFields + ` } }
}`
	deleteProjectMutation = `mutation($input: DeleteProjectInput!) { deleteProject(input: $input) { projectId } }`

	projectQuery = `query($id: ID!) { project(id: $id) { ` + projectFields + ` } }`

	projectsQuery = `query($after: Cursor, $where: ProjectFilter) {
  page: projects(first: 100, after: $after, where: $where) { nodes { ` + projectFields + ` } pageInfo { hasNextPage endCursor } }
}`
	sendMessageMutation = `mutation($input: SendMessageInput!) {
  sendMessage(input: $input) { message { id conversation { id } } run { ` + runFields + ` } }
}`
	conversationFields = `id title kind branch createdAt updatedAt`

	conversationsQuery = `query($project: ID!, $kinds: [ConversationKind!], $after: Cursor) {
  project(id: $project) { page: conversations(first: 50, after: $after, kinds: $kinds) { nodes { ` + conversationFields + ` } pageInfo { hasNextPage endCursor } } }
}`
	renameConversationMutation = `mutation($input: RenameConversationInput!) {
  renameConversation(input: $input) { conversation { ` + conversationFields + ` } }
}`
	deleteConversationMutation = `mutation($input: DeleteConversationInput!) { deleteConversation(input: $input) { conversationId } }`

	forkConversationMutation = `mutation($input: ForkConversationInput!) {
  forkConversation(input: $input) { conversation { ` + conversationFields + ` } }
}`
	editMessageMutation = `mutation($input: EditMessageInput!) {
  editMessage(input: $input) { message { id conversation { id } } run { ` + runFields + ` } }
}`
	runFields = `id state error step createdAt startedAt finishedAt agent { slug } project { id name } message { text }`

	runQuery = `query($id: ID!) { run(id: $id) { ` + runFields + ` } }`

	projectRunsQuery = `query($project: ID!, $after: Cursor) {
  project(id: $project) { page: runs(first: 50, after: $after) { nodes { ` + runFields + ` } pageInfo { hasNextPage endCursor } } }
}`
	cancelRunMutation = `mutation($input: CancelRunInput!) { cancelRun(input: $input) { run { ` + runFields + ` } } }`

	answerQuestionMutation = `mutation($input: AnswerQuestionInput!) { answerQuestion(input: $input) { question { ` + questionFields + ` } } }`

	questionFields = `id text choices allowOther defaultAnswer deadlineAt state answer agent { slug }`
	questionsQuery = `query($after: Cursor) {
  viewer { page: questions(first: 50, after: $after, where: {state: [OPEN]}) { nodes { ` + questionFields + ` project { name } } pageInfo { hasNextPage endCursor } } }
}`

	approvalFields = `id tool shown risk rule reason state remember expiresAt agent { slug }`
	approvalsQuery = `query($after: Cursor) {
  viewer { page: approvals(first: 50, after: $after, state: [PENDING]) { nodes { ` + approvalFields + ` project { name } } pageInfo { hasNextPage endCursor } } }
}`
	resolveApprovalMutation = `mutation($input: ResolveApprovalInput!) { resolveApproval(input: $input) { approval { ` + approvalFields + ` } } }`
	revokeApprovalMutation  = `mutation($input: RevokeApprovalInput!) { revokeApproval(input: $input) { approval { ` + approvalFields + ` } } }`

	taskFields = `id title state problem attempts agent { slug }`
	tasksQuery = `query($id: ID!) { run: node(id: $id) { ... on Run { plan { tasks { ` + taskFields + ` } } } } }`

	filesQuery = `query($project: ID!, $ref: String, $after: Cursor) {
  project(id: $project) { page: files(first: 100, ref: $ref, after: $after) { nodes { path size isBinary revision } pageInfo { hasNextPage endCursor } } }
}`
	fileQuery = `query($project: ID!, $path: String!, $ref: String) {
  project(id: $project) { file(path: $path, ref: $ref) { path size isBinary revision } }
}`
	textQuery = `query($project: ID!, $path: String!, $ref: String) {
  project(id: $project) { file(path: $path, ref: $ref) { path size isBinary revision text } }
}`
	headQuery = `query($project: ID!) { project(id: $project) { commits(first: 1) { nodes { hash } } } }`

	agentsQuery = `query($after: Cursor) {
  page: agents(first: 100, after: $after) { nodes { id slug name description } pageInfo { hasNextPage endCursor } }
}`
	modelsQuery = `query($after: Cursor) {
  page: models(first: 100, after: $after, configured: true) { nodes { name provider configured demo } pageInfo { hasNextPage endCursor } }
}`

	eventFields = `__typename cursor seq at type
    ... on ProjectUpdated { project { id name description } }
    ... on QuestionAsked { question { ` + questionFields + ` } }
    ... on QuestionAnswered { question { ` + questionFields + ` } }
    ... on ApprovalRequested { approval { ` + approvalFields + ` } }
    ... on ApprovalResolved { approval { ` + approvalFields + ` } }
    ... on MessageAdded { message { id role status text } }
    ... on MessageDelta { messageId runId offset text }
    ... on MessageCompleted { message { id role status text } }
    ... on RunStateChanged { run { id error } state }
    ... on ToolCallStarted { toolCall { id name input state } }
    ... on ToolCallOutput { toolCall { id } text }
    ... on ToolCallFinished { toolCall { id name input output state } }
    ... on FileChanged { path change revision }
    ... on BudgetReached { text }
    ... on StreamReset { reason }`

	projectEventsSubscription = `subscription($id: ID!, $after: Cursor) {
  event: projectEvents(projectId: $id, after: $after) {
    ` + eventFields + `
  }
}`
	worksFor = ` run { id agent { slug } parent { id parent { id parent { id } } } }`

	crewEventsSubscription = `subscription($id: ID!, $after: Cursor) {
  event: projectEvents(projectId: $id, after: $after, types: [TASK_CHANGED, TOOL_CALL_STARTED, QUESTION_ASKED, QUESTION_ANSWERED, APPROVAL_REQUESTED, APPROVAL_RESOLVED]) {
    __typename cursor seq at type
    ... on TaskChanged { task { ` + taskFields + ` plan { run { id } } } }
    ... on ToolCallStarted { toolCall { id name input state` + worksFor + ` } }
    ... on QuestionAsked { question { ` + questionFields + worksFor + ` } }
    ... on QuestionAnswered { question { ` + questionFields + worksFor + ` } }
    ... on ApprovalRequested { approval { ` + approvalFields + worksFor + ` } }
    ... on ApprovalResolved { approval { ` + approvalFields + worksFor + ` } }
    ... on StreamReset { reason }
  }
}`
	runEventsSubscription = `subscription($id: ID!, $after: Cursor) {
  event: runEvents(runId: $id, after: $after) {
    ` + eventFields + `
  }
}`
)
